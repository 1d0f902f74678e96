// Each kind of entity: made, refused, refused as a double, seen, changed, deleted, taken back, and not found.
import { button, expected, faultAt, fieldAt, fill } from './forms.mjs'
import { admin, check, known, open, story, until } from './story.mjs'

const nowhere = '00000000-0000-4000-8000-000000000000'

await story(async (browser, faults) => {
  const { certificate, key, authority } = known
  const service = await admin('POST', '/services', { name: 'before', host: 'a.test' })
  const consumer = await admin('POST', '/consumers', { username: 'before' })
  const set = await admin('POST', '/key-sets', { name: 'before' })
  const shown = await admin('POST', '/certificates', { cert: certificate, key })
  const jwk = JSON.stringify({ kty: 'EC', crv: 'P-256', kid: 'k1', x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU', y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0' }) // of RFC 7515, A.3
  const bad = { tags: 'a,b' }

  // `wrong` is what is refused, `at` where that is told; `double` is where another one with the same value is.
  const kinds = [
    { kind: 'services', one: 'Service', wrong: { name: 'made' }, at: 'host', values: { name: 'made', host: 'made.test' }, double: 'name', change: { path: '/v1' } },
    { kind: 'routes', one: 'Route', query: `?service=${service.id}`, wrong: { paths: 'no-slash' }, at: 'paths', values: { name: 'made', hosts: 'made.test' }, clear: 'paths', double: 'name', change: { hosts: 'more.test' } },
    { kind: 'consumers', one: 'Consumer', wrong: {}, at: '', values: { username: 'made' }, double: 'username', change: { custom_id: '17' } },
    { kind: 'upstreams', one: 'Upstream', wrong: { name: 'not a host' }, at: 'name', values: { name: 'made' }, double: 'name', change: { tags: 'a' } },
    { kind: 'plugins', one: 'Plugin', query: `?name=request-termination&service=${service.id}`, wrong: { 'config.status_code': '9' }, at: 'config.status_code', values: { 'config.status_code': '503' }, double: 'service', change: { 'config.message': 'later' } },
    { kind: 'certificates', one: 'Certificate', wrong: { cert: 'none', key: 'none' }, at: 'cert', values: { cert: certificate, key, snis: 'made.test' }, double: 'snis', change: { tags: 'a' } },
    { kind: 'ca_certificates', one: 'CA Certificate', wrong: { cert: 'none' }, at: 'cert', values: { cert: authority }, double: '', change: { tags: 'a' } },
    { kind: 'snis', one: 'SNI', query: `?certificate=${shown.id}`, wrong: { name: 'not a host' }, at: 'name', values: { name: 'sni.test' }, double: 'name', change: { tags: 'a' } },
    { kind: 'vaults', one: 'Vault', query: '?name=env', wrong: { prefix: 'NOT A PREFIX' }, at: 'prefix', values: { prefix: 'made' }, double: 'prefix', change: { description: 'a text' } },
    { kind: 'key-sets', one: 'Key Set', wrong: bad, at: 'tags', values: { name: 'made' }, clear: 'tags', double: 'name', change: { tags: 'a' } },
    { kind: 'keys', one: 'Key', query: `?set=${set.id}`, wrong: { name: 'made' }, at: 'kid', values: { name: 'made', kid: 'k1', jwk }, double: 'name', change: { tags: 'a' } },
    { kind: 'key-auths', one: 'API key', query: `?consumer=${consumer.id}`, wrong: bad, at: 'tags', values: { key: 'made' }, clear: 'tags', double: 'key', change: { tags: 'a' } },
    { kind: 'basic-auths', one: 'Password', query: `?consumer=${consumer.id}`, wrong: {}, at: 'username', values: { username: 'made', password: 'secret' }, double: 'username', change: { tags: 'a' } },
    { kind: 'hmac-auths', one: 'HMAC secret', query: `?consumer=${consumer.id}`, wrong: {}, at: 'username', values: { username: 'made', secret: 'secret' }, double: 'username', change: { tags: 'a' } },
    { kind: 'jwts', one: 'JWT key', query: `?consumer=${consumer.id}`, wrong: bad, at: 'tags', values: { key: 'made' }, clear: 'tags', double: 'key', change: { tags: 'a' } },
    { kind: 'acls', one: 'ACL group', query: `?consumer=${consumer.id}`, wrong: {}, at: 'group', values: { group: 'made' }, double: 'group', change: { tags: 'a' } },
  ]

  async function tell(page, k) {
    // The SNI that comes with the certificate may be made meanwhile.
    const ids = async () => new Set((await admin('GET', `/${k.kind}`)).data.filter((e) => e.name !== 'made.test').map((e) => e.id))
    const before = await ids()
    const form = `${known.manager}/default/${k.kind}/create${k.query ?? ''}`

    // Refused, then made.
    await page.goto(form)
    await button(page, 'Create').waitFor()
    await fill(page, k.wrong)
    await button(page, 'Create').click()
    await faultAt(page, k.at)
    check((await ids()).size === before.size, `${k.kind}: made in spite of a fault`)
    for (const chip of k.clear ? await fieldAt(page, k.clear).getByRole('button', { name: /^Remove / }).all() : []) await chip.click()
    await fill(page, k.values)
    await button(page, 'Create').click()
    let id
    await until(async () => (id = [...(await ids())].find((i) => !before.has(i))), `${k.kind}: made`)
    await page.getByText(/ is created/).first().waitFor()

    // Another one with the same value.
    await page.goto(form)
    await button(page, 'Create').waitFor()
    await fill(page, k.values)
    await button(page, 'Create').click()
    await faultAt(page, k.double)

    // Changed: what changes is shown before it is saved.
    await page.goto(`${known.manager}/default/${k.kind}/${id}/edit`)
    await button(page, 'Update').waitFor()
    await fill(page, k.change)
    await page.getByRole('region', { name: 'What changes' }).waitFor()
    await button(page, 'Update').click()
    await page.getByText(/ is updated/).first().waitFor()
    const now = await admin('GET', `/${k.kind}/${id}`)
    for (const [path, value] of Object.entries(k.change)) {
      const got = path.split('.').reduce((v, name) => v?.[name], now)
      check([got].flat().includes(value), `${k.kind}: ${path} is ${JSON.stringify(got)}, not ${value}`)
    }

    // Seen, as text too, deleted, and taken back.
    if (k.kind !== 'upstreams') {
      await page.getByRole('navigation', { name: `Views of the ${k.one}` }).getByRole('link', { name: 'YAML' }).click()
      await page.locator('#entity-text').filter({ hasText: id }).waitFor()
    }
    await button(page, 'Delete').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByText(/ is deleted/).first().waitFor()
    check(!(await ids()).has(id), `${k.kind}: not deleted`)
    await button(page, 'Undo').last().click()
    await until(async () => (await ids()).has(id), `${k.kind}: taken back`)

    await page.goto(`${known.manager}/default/${k.kind}/${nowhere}`)
    await page.getByText(k.kind === 'upstreams' ? 'Not found' : `There is no ${k.one} ${nowhere}`).first().waitFor()
  }

  const queue = [...kinds]
  const worker = async () => {
    const page = await open(browser, faults, {}, expected)
    for (let k = queue.shift(); k; k = queue.shift()) {
      try {
        await tell(page, k)
      } catch (e) {
        throw new Error(`${k.kind}: ${e.message}\nthe page shows:\n${(await page.locator('main').innerText().catch(() => '')).slice(0, 1500)}`, { cause: e })
      }
    }
    await page.context().close()
  }
  await Promise.all([worker(), worker(), worker()])

  // Who uses it is shown before it is deleted, and the server's refusal after.
  await admin('POST', '/services/before/routes', { name: 'leads-here', hosts: ['x.test'] })
  const page = await open(browser, faults, {}, expected)
  await page.goto(`${known.manager}/default/services/${service.id}/routes`)
  await page.getByRole('link', { name: 'leads-here' }).waitFor()
  await button(page, 'Delete').click()
  await page.getByRole('dialog').getByText('It cannot be deleted while these use it: Routes').waitFor()
  await page.getByRole('dialog').getByRole('link', { name: 'leads-here' }).waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('alert').filter({ hasText: 'routes' }).waitFor()
})
