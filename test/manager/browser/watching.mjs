// Watching an upstream and acting on its targets; the stream while nobody looks; the theme; choices by keyboard.
import { admin, check, control, known, open, story, until } from './story.mjs'

await story(async (browser, faults) => {
  const { one, two } = known.targets
  const { id } = await admin('POST', '/upstreams', { name: 'watched', healthchecks: { passive: { unhealthy: { tcp_failures: 5 } } } })
  for (const target of [one, two]) await admin('POST', `/upstreams/${id}/targets`, { target })
  const service = await admin('POST', '/services', { name: 'watched', host: 'watched' })
  await admin('POST', '/services', { name: 'another', host: 'another.test' })
  await admin('POST', '/services/watched/routes', { name: 'watched', paths: ['/'] })

  const page = await open(browser, faults)
  let asked = []
  let streams = 0
  const ofStream = (r) => r.url().includes('/_api/events')
  page.on('request', (r) => {
    asked.push(r.url())
    if (ofStream(r)) streams++
  })
  for (const end of ['requestfailed', 'requestfinished']) page.on(end, (r) => ofStream(r) && streams--)
  await page.goto(`${known.manager}/default/upstreams/${id}`)
  const row = (target) => page.locator(`tr[data-target="${target}"]`)
  const feed = (text) => page.getByRole('heading', { level: 1 }).getByText(text, { exact: true })

  // A tab that is hidden has no stream and asks for nothing; shown again it catches up.
  const seen = async () => Number((await row(one).locator('[data-role="requests"]').innerText()).replaceAll(',', ''))
  const look = (visible) =>
    page.evaluate((v) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => !v })
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (v ? 'visible' : 'hidden') })
      document.dispatchEvent(new Event('visibilitychange'))
    }, visible)
  await feed('Live').waitFor()
  await control('send/100?path=/')
  await until(async () => (await seen()) === 50, 'the stream tells of 50 requests')
  check(streams === 1, `${streams} streams are open`)
  await look(false)
  await feed('Paused').waitFor()
  await until(() => streams === 0, 'the stream is closed')
  asked = []
  await control('send/100?path=/')
  const total = async () => (await admin('GET', `/upstreams/${id}/health?details=1`)).data.find((t) => t.target === one).data.addresses[0].totals.requests
  await until(async () => (await total()) === 100, 'the gateway has counted them')
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 2500))) // longer than between two polls
  check((await seen()) === 50, `the hidden page counts ${await seen()}`)
  check(!asked.length, `the hidden page asks for ${asked}`)
  await look(true)
  await feed('Live').waitFor()
  await until(async () => (await seen()) === 100, 'the page catches up')
  check(streams === 1, `${streams} streams are open after that`)

  // What can be done about a target, by clicking.
  const act = async (target, action) => {
    await page.getByRole('button', { name: `Actions for ${target}` }).click()
    await page.getByRole('menuitem', { name: new RegExp(`^${action}`) }).click()
  }
  const target = async () => (await admin('GET', `/upstreams/${id}/health?details=1`)).data.find((t) => t.target === two)
  const shows = (state) => row(two).getByText(state, { exact: true }).waitFor()
  await act(two, 'Mark unhealthy')
  await shows('Unhealthy')
  check((await target()).health === 'UNHEALTHY', 'it is marked unhealthy')

  // Only what has failed, and how many that are.
  const only = page.getByRole('switch', { name: 'Failed only' })
  await only.click()
  await row(one).waitFor({ state: 'detached' })
  check((await page.locator('tr[data-target]').count()) === 1, 'the failed one is left')
  await act(two, 'Mark healthy')
  await page.getByText('Nothing has failed').waitFor()
  await only.click()
  await row(one).waitFor()
  await shows('Healthy')
  check((await target()).health === 'HEALTHY', 'it is marked healthy')

  const states = [['Drain', 'Draining', 'draining'], ['Disable', 'Disabled', 'disabled'], ['Activate', 'Healthy', undefined]]
  for (const [action, text, wanted] of states) {
    await act(two, action)
    await shows(text)
    const { state } = await admin('GET', `/upstreams/${id}/targets/${(await admin('GET', `/upstreams/${id}/targets`)).data.find((t) => t.target === two).id}`)
    check((state === 'active' ? undefined : state) === wanted, `after ${action} its state is ${state}`)
  }
  const targets = async () => (await admin('GET', `/upstreams/${id}/targets`)).data.map((t) => t.target)
  await act(two, 'Delete')
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  check((await targets()).includes(two), 'nothing is deleted before it is confirmed')
  await act(two, 'Delete')
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await row(two).waitFor({ state: 'detached' })
  check(!(await targets()).includes(two), 'it is deleted')
  await page.getByRole('button', { name: 'Undo', exact: true }).click()
  await row(two).waitFor()
  check((await targets()).includes(two), 'it is back')

  // A reference is chosen by keyboard.
  await page.goto(`${known.manager}/default/routes/create`)
  const choices = page.getByRole('listbox')
  const combobox = page.getByRole('combobox', { name: 'Service' })
  await combobox.focus()
  await page.keyboard.type('w')
  await choices.getByRole('option', { name: 'watched' }).waitFor()
  await until(async () => (await choices.getByRole('option').count()) === 1, 'what does not match is left out')
  await page.keyboard.press('Escape')
  await choices.getByRole('option').first().waitFor({ state: 'detached' })
  check((await combobox.inputValue()) === '', 'Escape chooses nothing')
  await page.keyboard.press('ArrowDown')
  await choices.getByRole('option', { name: 'another' }).waitFor()
  await page.keyboard.type('wat')
  await choices.getByRole('option', { name: 'another' }).waitFor({ state: 'detached' })
  await page.locator('[role="option"][data-highlighted]').filter({ hasText: 'watched' }).waitFor()
  await page.keyboard.press('Enter')
  await until(async () => (await combobox.inputValue()) === 'watched', 'Enter chooses')
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('chosen')
  await page.getByRole('textbox', { name: 'Hosts', exact: true }).fill('chosen.test')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Control+Enter')
  await page.getByRole('heading', { level: 1, name: 'chosen' }).waitFor()
  check((await admin('GET', '/routes/chosen')).service.id === service.id, 'the route belongs to what was chosen')

  // The theme is that of the system and follows it, until one is chosen; that is kept.
  await page.emulateMedia({ colorScheme: 'dark' })
  const dark = () => page.evaluate(() => {
    const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number)
    return r + g + b < 380
  })
  const pressed = (name) => page.getByRole('group', { name: 'Theme' }).getByRole('button', { name, pressed: true }).waitFor()
  await pressed('As the system')
  await until(dark, 'it is dark, as the system is')
  await page.emulateMedia({ colorScheme: 'light' })
  await until(async () => !(await dark()), 'it follows the system')
  await page.getByRole('button', { name: 'Dark', exact: true }).click()
  await until(dark, 'it is dark by choice')
  await page.reload()
  await pressed('Dark')
  check(await dark(), 'it is still dark after a reload')
  await page.getByRole('button', { name: 'As the system', exact: true }).click()
  await until(async () => !(await dark()), 'it is as the system again')
  await page.reload()
  await pressed('As the system')
  check(!(await dark()), 'it is so after a reload, too')
})
