// What an operator looks at: problems, why a request goes where it goes, what was changed and how to go back; by keyboard, too.
import { button, expected } from './forms.mjs'
import { admin, check, control, known, open, story, until } from './story.mjs'

await story(async (browser, faults) => {
  const page = await open(browser, faults, {}, expected)
  const at = (path) => page.goto(`${known.manager}${path}`)
  const problems = page.getByRole('region', { name: 'Problems' })

  // An empty gateway says what comes next; one without faults says so.
  await at('/')
  await page.getByText('This gateway is empty').waitFor()
  await problems.getByText('All is well').waitFor()
  await page.getByRole('link', { name: 'New Upstream' }).waitFor()

  const { one, two } = known.targets
  const checks = { active: { healthy: { interval: 1, successes: 1 }, unhealthy: { interval: 1, tcp_failures: 1 } } }
  const upstream = await admin('POST', '/upstreams', { name: 'shop', algorithm: 'consistent-hashing', hash_on: 'header', hash_on_header: 'X-Tenant', healthchecks: checks })
  for (const target of [one, two]) await admin('POST', `/upstreams/${upstream.id}/targets`, { target })
  await admin('POST', '/services', { name: 'shop', host: 'shop' })
  await admin('POST', '/services/shop/routes', { name: 'shop', paths: ['/shop'] })
  await admin('POST', '/services/shop/routes', { name: 'elsewhere', hosts: ['elsewhere.test'] })
  await admin('POST', '/services/shop/plugins', { name: 'cors' })
  await admin('POST', '/certificates', { cert: known.certificate, key: known.key, snis: ['soon.test'] })

  // A target that dies, a certificate that is about to end, and requests that go nowhere come up by themselves.
  await at('/default/overview')
  await problems.getByRole('link', { name: 'Certificate soon.test' }).waitFor()
  await control('stop/two')
  await problems.getByRole('link', { name: `${two} of shop` }).waitFor()
  await problems.getByText(/refused/).waitFor()
  await control('send/20?path=/nowhere')
  await page.getByRole('region', { name: 'Errors by reason' }).getByText('no_route').waitFor()
  await problems.getByRole('link', { name: `${two} of shop` }).click()
  await page.getByRole('heading', { name: 'shop' }).waitFor()

  // Why a request would go there.
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: 'Find anything' }).fill('explain')
  await page.keyboard.press('Enter')
  await page.getByLabel('Path').fill('/shop/x')
  await page.getByText('Headers, TLS, client address').click()
  await page.getByLabel('Headers, one in a line').fill('X-Tenant: blue')
  await button(page, 'Explain').click()
  const said = page.getByRole('region', { name: 'Explanation' })
  await said.getByText(`It would go to ${one}`).waitFor()
  for (const text of ['the request does not satisfy its hosts', 'cors', 'blue', 'Taken', 'Chosen', 'Cannot be chosen']) await said.getByText(text).first().waitFor()
  await page.getByLabel('Path').fill('/nowhere')
  await button(page, 'Explain').click()
  await said.getByText('no_route').first().waitFor()

  // What became of a real one.
  await control('start/two')
  const id = (await fetch(`${known.proxy}/shop/real`, { headers: { 'X-Tenant': 'blue' } })).headers.get('X-Kong-Request-Id')
  await page.getByLabel('Request id of a real request').fill(id)
  await button(page, 'Look it up').click()
  await said.getByRole('heading', { name: 'GET /shop/real' }).waitFor()
  await said.getByRole('region', { name: 'Tries' }).getByText('passed on').waitFor()
  await page.getByLabel('Request id of a real request').fill('none')
  await button(page, 'Look it up').click()
  await page.getByText('Nothing is known of this request').waitFor()

  // Revisions: seen, and back to one.
  await at('/default/revisions')
  await page.getByRole('link', { name: 'created route elsewhere' }).waitFor()
  await admin('PATCH', '/services/shop', { retries: 9 })
  await page.getByRole('link', { name: 'changed service shop' }).click()
  const change = page.getByRole('region', { name: 'Changed Service shop' })
  await change.getByText('retries').waitFor()
  check(/5[^]*9/.test(await change.innerText()), 'the revision shows both values')
  await button(page, 'Take back').click()
  await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click()
  await until(async () => (await admin('GET', '/services/shop')).retries === 5, 'the change is taken back')
  await at('/default/revisions')
  await page.getByRole('link', { name: 'created upstream shop' }).click()
  await button(page, 'Back to here').click()
  await page.getByRole('dialog').getByText(/later revisions did is undone/).waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Go back' }).click()
  await until(async () => (await admin('GET', '/services')).data.length === 0, 'the configuration is what it was')
  check((await admin('GET', '/upstreams')).data.length === 1, 'the upstream is still there')

  await at('/default/nodes')
  await page.getByText('Database answers').waitFor()
  await page.getByLabel('Find a setting').fill('explain_sampling')
  await page.getByText('explain_sampling').waitFor()
  check((await page.getByText('On this database').count()) === 0, 'a node alone is not listed')

  // Three that share a database, as GET /nodes tells of them.
  const self = (await admin('GET', '/nodes')).data[0]
  const others = [
    { node_id: 'b'.repeat(36), hostname: 'edge-b', version: '0.0.9', revision: self.revision - 2, state: 'behind', seen: self.seen },
    { node_id: 'c'.repeat(36), hostname: 'edge-c', version: '0.1.0', revision: self.revision, state: 'away', seen: self.seen - 120 },
  ]
  await page.route('**/_api/nodes', (route) => route.fulfill({ json: { data: [self, ...others], next: null, revision: self.revision, node_id: self.node_id } }))
  await at('/default/nodes')
  await page.getByRole('row', { name: /\(this one\).*Up to date/ }).waitFor()
  await page.getByRole('row', { name: /edge-b.*2 behind.*0\.0\.9/ }).waitFor()
  await page.getByRole('row', { name: /edge-c.*Away/ }).waitFor()
  await at('/default/overview')
  await page.getByRole('link', { name: 'Node edge-c' }).click()
  await page.getByText('On this database').waitFor()
})
