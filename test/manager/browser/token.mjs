// The Admin API wants a token: the page asks for it, and keeps it nowhere.
import { check, known, open, story } from './story.mjs'

await story(async (browser, faults) => {
  const page = await open(browser, faults, {}, (text) => text.includes('401'))
  await page.goto(`${known.manager}/default/services`)
  await page.getByRole('textbox', { name: 'Token' }).fill('wrong')
  await page.getByRole('button', { name: 'Go on' }).click()
  await page.getByText('This token was not taken').waitFor()
  await page.getByRole('textbox', { name: 'Token' }).fill('test')
  await page.getByRole('button', { name: 'Go on' }).click()
  await page.getByText('There are no Services yet').waitFor()
  await page.getByRole('navigation', { name: 'Places' }).getByRole('link', { name: 'Upstreams' }).click()
  await page.getByText('There are no Upstreams yet').waitFor()
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]))
  check(!kept.includes('"test"') && !kept.includes('=test'), `the token is kept: ${kept}`)
})
