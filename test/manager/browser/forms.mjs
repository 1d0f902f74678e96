// How stories fill in the forms that come from schemas.
import { check } from './story.mjs'

export const button = (page, name) => page.getByRole('button', { name, exact: true })
export const fieldAt = (page, path) => page.locator(`[data-field="${path}"]`)

/** Fills in fields by path. Lists get one item; groups that are closed are opened. */
export async function fill(page, values) {
  for (const [path, value] of Object.entries(values)) {
    const field = fieldAt(page, path)
    for (const closed of await page.locator('details.group:not([open]) > summary').all()) {
      if (await field.count()) break
      await closed.click()
    }
    const input = field.locator('input:not([type="checkbox"]), textarea, select').first()
    if ((await input.evaluate((e) => e.tagName)) === 'SELECT') await input.selectOption(value)
    else {
      await input.fill(value)
      if (await field.locator('.list').count()) await input.press('Enter')
    }
  }
}

/** Waits for what the server says of a field, beside it; of the whole, above the form. */
export async function faultAt(page, path) {
  const at = path ? fieldAt(page, path).locator('.error').first() : page.locator('.faults')
  await at.waitFor()
  check((await at.innerText()).trim() !== '', `the fault of ${path || 'the form'} has no text`)
}

/** Messages of the console about answers that a story provokes. */
export const expected = (text) => /status of (400|404|409)/.test(text)
