// From an empty gateway to traffic that alternates, by clicking only.
import { check, control, known, open, story, until } from './story.mjs'

const side = (page, name) => page.getByRole('navigation', { name: 'Places' }).getByRole('link', { name, exact: true })
const button = (page, name) => page.getByRole('button', { name, exact: true })
const field = (page, name) => page.getByRole('textbox', { name, exact: true })
const row = (page, target) => page.locator(`tr[data-target="${target}"]`)

await story(async (browser, faults) => {
  const page = await open(browser, faults, {}, (text) => text.includes('status of 400')) // what the forms below provoke
  const { one, two } = known.targets
  await page.goto(`${known.manager}/`)

  // A service that is there already, with a route: it points to one server.
  await side(page, 'Services').click()
  await page.getByText('There are no Services yet').waitFor()
  await page.getByRole('link', { name: 'New Service' }).first().click()
  await field(page, 'Name').fill('example_service')
  await field(page, 'Host').fill('mockbin.org')
  await button(page, 'Create').click()
  await page.getByRole('link', { name: 'Add a route' }).click()
  await field(page, 'Name').fill('mocking')
  await field(page, 'Paths').fill('/mock')
  await button(page, 'Create').click()
  await page.getByRole('heading', { name: 'mocking' }).waitFor()

  // API Gateway > Upstreams > New Upstream > Name > Create > View.
  await side(page, 'Upstreams').click()
  await page.getByRole('link', { name: 'New Upstream' }).first().click()
  await button(page, 'Create').click()
  await page.getByText('required field missing').waitFor()
  await field(page, 'Name').fill('example upstream')
  await button(page, 'Create').click()
  await page.getByText('must be a valid hostname').waitFor()
  await field(page, 'Name').fill('example_upstream')
  await button(page, 'Create').click()
  await page.getByRole('link', { name: 'Add targets' }).waitFor()
  await page.getByRole('link', { name: 'Point a service here' }).waitFor()
  await page.getByRole('link', { name: 'View', exact: true }).click()

  // New Target > Create, twice.
  for (const target of [one, two]) {
    await page.getByRole('link', { name: 'New Target' }).first().click()
    await field(page, 'Target').fill(target)
    await button(page, 'Create').click()
    await row(page, target).waitFor()
  }
  await page.getByText('Next: point a service here').waitFor()

  // Services > Edit > Host > Update.
  await side(page, 'Services').click()
  await button(page, 'Actions for example_service').click()
  await page.getByRole('menuitem', { name: 'Edit' }).click()
  await field(page, 'Host').fill('example_upstream')
  await page.getByRole('region', { name: 'What changes' }).getByText('example_upstream').waitFor()
  await button(page, 'Update').click()
  await page.getByText('Service example_service is updated').waitFor()

  // Checks, so that the loss of a server is noticed without any requests.
  await side(page, 'Upstreams').click()
  await page.getByRole('link', { name: 'example_upstream', exact: true }).click()
  await page.getByText('All is set').waitFor()
  await page.getByRole('link', { name: 'Edit', exact: true }).click()
  await page.getByText('Health checks', { exact: true }).click()
  const active = page.locator('[data-field="healthchecks.active"]')
  for (const [path, value] of [['healthy.interval', '1'], ['healthy.successes', '1'], ['unhealthy.interval', '1'], ['unhealthy.tcp_failures', '1']]) {
    await active.locator(`[data-field="healthchecks.active.${path}"] input`).fill(value)
  }
  await button(page, 'Update').click()
  await page.getByText('Upstream example_upstream is updated').waitFor()

  // Traffic alternates: each gets half.
  await control('send/200?path=/mock')
  const share = async (target) => Number.parseFloat(await row(page, target).locator('[data-role="share"]').innerText())
  await until(async () => (await share(one)) === 50 && (await share(two)) === 50, 'both have 50.0 % of the requests')
  await until(async () => (await row(page, one).innerText()).includes('Healthy'), 'the first is healthy')

  // One dies: it is red, with its cause, at the latest two seconds after the gateway knows.
  const killed = Date.now()
  await control('stop/two')
  const red = row(page, two)
  await page.waitForFunction((target) => document.querySelector(`tr[data-target="${target}"].tone-bad .cause`)?.textContent?.includes('refused'), two, { polling: 20 })
  const seen = Date.now()
  const verdict = await page.evaluate(async () => {
    const id = location.pathname.split('/')[3]
    const answer = await fetch(`/_api/upstreams/${id}/health?details=1`)
    return (await answer.json()).data.flatMap((t) => t.data.addresses).find((a) => a.health === 'UNHEALTHY').since * 1000
  })
  console.log(`red ${seen - killed} ms after the end of the server, ${Math.round(seen - verdict)} ms after the verdict`)
  check(seen - verdict < 2000, `it took ${seen - verdict} ms from the verdict until it was seen`)
  check((await red.innerText()).includes('Unhealthy'), 'the state is a word, too')
  await page.getByRole('region', { name: 'What happened' }).getByText(`${two} turned unhealthy`).waitFor()

  // Only what has failed.
  await page.getByRole('switch', { name: 'Failed only' }).click()
  await row(page, one).waitFor({ state: 'detached' })
  await page.getByRole('switch', { name: 'Failed only' }).click()

  // It comes back.
  await control('start/two')
  await until(async () => (await red.innerText()).includes('Healthy'), 'it is healthy again')

  // A weight is changed where it stands; the shares to come are shown before it is saved.
  await button(page, `Change the weight of ${one}, 100`).click()
  await page.getByRole('textbox', { name: `Weight of ${one}` }).fill('300')
  await row(page, one).getByText('75.0 % with the new weights').waitFor()
  await row(page, two).getByText('25.0 % with the new weights').waitFor()
  await button(page, 'Save weights').click()
  await button(page, `Change the weight of ${one}, 300`).waitFor()
  await button(page, 'Undo').click()
  await button(page, `Change the weight of ${one}, 100`).waitFor()

  // Drained by order, and back.
  await button(page, `Actions for ${one}`).click()
  await page.getByRole('menuitem', { name: 'Drain' }).click()
  await row(page, one).getByText('Draining', { exact: true }).waitFor()
  await button(page, `Actions for ${one}`).click()
  await page.getByRole('menuitem', { name: 'Activate' }).click()
  await row(page, one).getByText('Healthy', { exact: true }).waitFor()
})
