// The form of every plugin shows all its settings, saves them, and shows what was saved.
import { button, expected, fieldAt, fill } from './forms.mjs'
import { admin, check, known, open, story, until } from './story.mjs'

// What a plugin cannot do without, and something else for the others.
const values = {
  'correlation-id': { header_name: 'X-Id' },
  'bot-detection': { deny: 'curl' },
  cors: { origins: 'https://a.test', max_age: '60' },
  jwt: { key_claim_name: 'sub' },
  'key-auth': { key_names: 'x-key' },
  'basic-auth': { realm: 'here' },
  'hmac-auth': { clock_skew: '60' },
  'ip-restriction': { allow: '10.0.0.0/8' },
  'request-size-limiting': { allowed_payload_size: '7' },
  acl: { allow: 'friends' },
  'rate-limiting': { minute: '5' },
  'request-transformer': { 'add.headers': 'X-A:b' },
  'response-transformer': { 'add.headers': 'X-A:b' },
  redirect: { location: 'https://a.test/' },
  'proxy-cache': { strategy: 'memory', cache_ttl: '9' },
  'http-log': { http_endpoint: 'http://a.test/log' },
  'file-log': { path: '/dev/null' },
  'request-termination': { message: 'later' },
}
// Of the settings that are only shown with others: the one that decides.
const hidden = ['redis', 'header_name', 'path']

await story(async (browser, faults) => {
  const { enabled_plugins: names } = await admin('GET', '/plugins/enabled')
  check(names.length > 0, 'there are no plugins')

  async function tell(page, name) {
    const service = await admin('POST', '/services', { name: `for-${name}`, host: 'a.test' })
    const schema = await admin('GET', `/schemas/plugins/${name}?extensions=1`)
    const settings = schema.fields.flatMap((f) => Object.entries(f)).find(([n]) => n === 'config')[1].fields.flatMap((f) => Object.entries(f))
    await page.goto(`${known.manager}/default/plugins/create?service=${service.id}`)
    await page.getByRole('link', { name: new RegExp(`^${name}( |$|[A-Z])`) }).first().click()
    await button(page, 'Create').waitFor()
    await page.getByText('It runs on requests of the chosen service.').waitFor()
    for (const [setting, field] of settings) {
      const optional = hidden.includes(setting)
      check(field.auto || optional || (await fieldAt(page, `config.${setting}`).count()) === 1, `${name}: the form has no field for ${setting}`)
    }
    const mine = Object.fromEntries(Object.entries(values[name] ?? {}).map(([n, v]) => [`config.${n}`, v]))
    await fill(page, mine)
    await button(page, 'Create').click()
    let made
    await until(async () => (made = (await admin('GET', `/services/${service.id}/plugins`)).data[0]), `${name}: made`)
    for (const [path, value] of Object.entries(mine)) {
      const got = path.split('.').reduce((v, n) => v?.[n], made)
      check([got].flat().map(String).includes(value), `${name}: ${path} is ${JSON.stringify(got)}, not ${value}`)
    }

    // The form shows what was saved, and saving it again changes nothing.
    await page.goto(`${known.manager}/default/plugins/${made.id}/edit`)
    await button(page, 'Update').waitFor()
    for (const [setting, field] of settings) {
      const input = fieldAt(page, `config.${setting}`).locator('input:not([type="checkbox"]), select, textarea').first()
      if (!['string', 'number', 'integer'].includes(field.type) || !(await input.count())) continue
      const shown = await input.inputValue()
      const is = made.config[setting] ?? ''
      check(shown === String(is), `${name}: ${setting} is shown as ${shown}, it is ${is}`)
    }
    await fill(page, { tags: 'again' })
    await button(page, 'Update').click()
    await page.getByText(/ is updated/).first().waitFor()
    const again = await admin('GET', `/plugins/${made.id}`)
    check(JSON.stringify(again.config) === JSON.stringify(made.config), `${name}: saving it changed the settings`)
    check(again.tags?.[0] === 'again', `${name}: the tag is not saved`)
  }

  const queue = [...names]
  const worker = async () => {
    const page = await open(browser, faults, {}, expected)
    for (let name = queue.shift(); name; name = queue.shift()) {
      try {
        await tell(page, name)
      } catch (e) {
        throw new Error(`${name}: ${e.message}\nthe page shows:\n${(await page.locator('main').innerText().catch(() => '')).slice(0, 1500)}`, { cause: e })
      }
    }
    await page.context().close()
  }
  await Promise.all([worker(), worker(), worker()])
})
