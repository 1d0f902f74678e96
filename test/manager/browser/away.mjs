// The gateway goes away while a form is half filled in, and comes back.
import { check, control, known, open, story } from './story.mjs'

await story(async (browser, faults) => {
  const page = await open(browser, faults, {}, (text) => text.includes('ERR_CONNECTION_REFUSED') || text.includes('ERR_CONNECTION_RESET') || text.includes('ERR_EMPTY_RESPONSE'))
  await page.goto(`${known.manager}/default/services/create`)
  const name = page.getByRole('textbox', { name: 'Name', exact: true })
  await name.fill('half')
  await page.getByRole('textbox', { name: 'Host', exact: true }).fill('half.example.com')

  await control('gateway/stop')
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await page.getByText('The Admin API is away', { exact: true }).waitFor()
  await page.getByText('nothing was saved').waitFor()
  check((await name.inputValue()) === 'half', 'what was typed is still there')

  await control('gateway/start')
  await page.getByText('The Admin API is away', { exact: true }).waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await page.getByText('Service half is created').first().waitFor()
})
