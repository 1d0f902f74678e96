// A configuration that is refused is a problem on the overview, with its cause, until a good one comes.
import { check, known, open, story } from './story.mjs'

async function load(config) {
  const answer = await fetch(`${known.admin}/config`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(config) })
  return answer.status
}
const status = async () => (await fetch(`${known.admin}/status`)).json()

await story(async (browser, faults) => {
  const good = { _format_version: '3.0', services: [{ name: 'shop', host: 'shop.test' }] }
  check((await load(good)) === 201, 'a good configuration is taken')
  check(!('rejected_configuration' in (await status())), 'nothing is rejected, and the status says nothing of it')

  const page = await open(browser, faults)
  await page.goto(`${known.manager}/default/overview`)
  const problems = page.getByRole('region', { name: 'Problems' })
  await problems.getByText('All is well').waitFor()

  check((await load({ _format_version: '3.0', services: [{ name: 'shop', host: 'shop.test', retries: -1 }] })) === 400, 'a bad one is refused')
  await problems.getByText('Configuration is not in force').waitFor()
  await problems.getByText(/value should be between 0 and 32767/).waitFor()
  await problems.getByText('Rejected', { exact: true }).waitFor()
  const { rejected_configuration: rejected } = await status()
  check(Math.abs(rejected.time - Date.now() / 1000) < 60, `it was refused at ${rejected.time}`)

  check((await load(good)) === 201, 'a good one is taken again')
  await problems.getByText('All is well').waitFor()
})
