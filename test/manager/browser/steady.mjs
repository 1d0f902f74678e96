// Calm pages: nothing moves while they load, nothing says that it is busy before a tenth of a second, numbers
// stand in columns, and no state is told by its colour alone.
import { admin, check, control, known, open, story, until } from './story.mjs'

const mostShift = 0.02 // cumulative layout shift of one page load
const early = 100 // milliseconds

await story(async (browser, faults) => {
  const { one, two } = known.targets
  const checks = { active: { healthy: { interval: 1, successes: 1 }, unhealthy: { interval: 1, tcp_failures: 1 } } }
  const idle = await admin('POST', '/upstreams', { name: 'idle' })
  await admin('POST', '/upstreams/idle/targets', { target: one })
  const busy = await admin('POST', '/upstreams', { name: 'busy', healthchecks: checks })
  for (const target of [one, two]) await admin('POST', '/upstreams/busy/targets', { target })
  const service = await admin('POST', '/services', { name: 'busy', host: 'busy', tags: ['a'] })
  await admin('POST', '/services/busy/routes', { name: 'busy', paths: ['/busy'] })
  await admin('POST', '/consumers', { username: 'alice' })
  await admin('POST', '/plugins', { name: 'cors' })
  await control('send/1200?path=/busy')
  await control('send/10?path=/nowhere')
  await control('stop/two')
  await until(async () => (await admin('GET', '/upstreams/busy/health')).data.some((t) => t.health === 'UNHEALTHY'), 'one is unhealthy')

  // What has moved since the page began, as browsers measure it, with what moved most. Movements within
  // half a second of a key or a click do not count; there are none here. The overview waits for its problems for two
  // seconds at most, which a busy machine may take longer for: what comes then may move it.
  const shifts = () => {
    globalThis.moved = []
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) {
        if (!e.hadRecentInput && e.startTime < 2000) globalThis.moved.push({ value: e.value, of: e.sources.map((s) => s.node?.className || s.node?.nodeName).join(' ') })
      }
    }).observe({ type: 'layout-shift', buffered: true })
  }
  // Waits until nothing more is fetched, but for a stream.
  const rested = async () => {
    const fetched = () => performance.getEntriesByType('resource').length
    for (let before = -1; before !== fetched(); ) {
      before = fetched()
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    return globalThis.moved
  }
  const pages = ['/default/overview', '/default/services', '/default/routes', '/default/consumers', '/default/plugins', '/default/upstreams', '/default/snis', '/default/revisions', `/default/services/${service.id}`, `/default/services/${service.id}/edit`, `/default/upstreams/${busy.id}`, `/default/upstreams/${idle.id}`, '/default/nodes']
  const lookAt = async (viewport) => {
    const page = await open(browser, faults, { viewport })
    await page.addInitScript(shifts)
    // What leads to an upstream is asked for beside its targets, and may be known later.
    await page.route('**/_api/services?*', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 200))
      await route.continue()
    })
    let most = 0
    for (const path of pages) {
      await page.goto(known.manager + path)
      await page.locator('#page-title').waitFor()
      await page.locator('.busy').first().waitFor({ state: 'detached' })
      const moved = await page.evaluate(rested)
      const sum = moved.reduce((n, m) => n + m.value, 0)
      most = Math.max(most, sum)
      if (sum >= mostShift) faults.push(`${path} moves by ${sum.toFixed(3)} at ${viewport.width}: ${JSON.stringify(moved)}`)
    }
    console.log(`most layout shift at ${viewport.width}: ${most.toFixed(4)}`)
    await page.context().close()
  }
  await Promise.all([lookAt({ width: 1280, height: 860 }), lookAt({ width: 390, height: 844 })])

  // Nothing says that it is busy in the first tenth of a second; after that something does, until there is an answer.
  const page = await open(browser, faults)
  await page.addInitScript(() => {
    globalThis.marks = []
    let stood // since when there has been the place of a mark
    new MutationObserver(() => {
      const place = document.querySelector('main .busy')
      if (!place) stood = undefined
      else stood ??= performance.now()
      if (place?.textContent) globalThis.marks.push(performance.now() - stood)
    }).observe(document, { subtree: true, childList: true, characterData: true })
  })
  let release
  await page.route('**/_api/services?*', async (route) => {
    await new Promise((resolve) => (release = resolve))
    await route.continue()
  })
  await page.goto(`${known.manager}/default/services`)
  await page.locator('main .busy').getByText('Loading …').waitFor()
  const marks = await page.evaluate(() => globalThis.marks)
  check(marks[0] >= early - 1, `the page says after ${marks[0]} ms that it is busy`) // clocks are coarse
  release()
  await page.getByRole('link', { name: 'busy', exact: true }).waitFor()
  check((await page.getByText('Loading …').count()) === 0, 'an answer ends that')
  await page.unrouteAll()

  // The frame is painted before any script is there, and stays where it is.
  const slow = await open(browser, faults)
  let bring
  const brought = new Promise((resolve) => (bring = resolve))
  await slow.route('**/assets/*.js', async (route) => {
    await brought
    await route.continue()
  })
  await slow.goto(`${known.manager}/default/services`, { waitUntil: 'commit' })
  const logo = () => slow.locator('#app img').first().boundingBox()
  await until(() => slow.evaluate(() => performance.getEntriesByName('first-contentful-paint').length === 1), 'something is painted')
  const before = await logo()
  bring()
  await slow.getByRole('link', { name: 'busy', exact: true }).waitFor()
  const after = await logo()
  check(before && Math.abs(before.x - after.x) + Math.abs(before.y - after.y) < 2, `the logo moves from ${JSON.stringify(before)} to ${JSON.stringify(after)}`)
  await slow.context().close()

  // Numbers: as wide as each other, one below the other.
  await page.goto(`${known.manager}/default/upstreams/${busy.id}`)
  const dead = page.locator(`tr[data-target="${two}"]`)
  await dead.getByText('Unhealthy', { exact: true }).waitFor()
  const wrong = await page.evaluate(() => {
    const tabular = (e) => getComputedStyle(e).fontVariantNumeric.includes('tabular-nums')
    const all = [...document.querySelectorAll('main :is(td, dd, span)')].filter((e) => e.childElementCount === 0 && /^[\d.,]+( ?(ms|s|%|min|h|d))?$/.test(e.textContent.trim()))
    return { all: all.length, proportional: all.filter((e) => !tabular(e)).map((e) => `${e.className} ${e.textContent}`) }
  })
  check(wrong.all > 20, `there are ${wrong.all} numbers`)
  check(!wrong.proportional.length, `numbers of different widths: ${wrong.proportional}`)
  const rightEdges = await page.evaluate(() => [...document.querySelectorAll('tr[data-target] [data-role="requests"]')].map((e) => getComputedStyle(e).textAlign))
  check(rightEdges.every((a) => a === 'end' || a === 'right'), `numbers are aligned ${rightEdges}`)

  // States: beside each colour stands a word and a sign, and other states have other ones.
  const signs = await page.evaluate(() =>
    [...document.querySelectorAll('tr[data-target] .state')].map((e) => ({ word: e.textContent.trim(), sign: e.querySelector('svg')?.innerHTML, colour: getComputedStyle(e).color })),
  )
  check(signs.length === 2 && signs.every((s) => s.word && s.sign), `states without a word or a sign: ${JSON.stringify(signs)}`)
  check(new Set(signs.map((s) => s.word)).size === 2 && new Set(signs.map((s) => s.sign)).size === 2, `states look the same but for their colours: ${JSON.stringify(signs)}`)
})
