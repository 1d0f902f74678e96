// An upstream with many targets: only what is in view is drawn, nothing is asked again and again, and
// every target can be reached. And how soon a page is painted.
import { admin, check, control, known, open, story, until } from './story.mjs'

const many = 300

await story(async (browser, faults) => {
  const { id } = await admin('POST', '/upstreams', { name: 'many' })
  const names = Array.from({ length: many }, (_, i) => `127.0.0.1:${String(20_000 + i)}`)
  const operations = names.map((target) => ({ method: 'POST', path: `/upstreams/${id}/targets`, body: { target, weight: 0 } }))
  operations.push({ method: 'POST', path: `/upstreams/${id}/targets`, body: { target: known.targets.one } })
  for (let i = 0; i < operations.length; i += 100) await admin('POST', '/transactions', { operations: operations.slice(i, i + 100) })
  await admin('PUT', '/services/many', { host: 'many' })
  await admin('PUT', '/services/many/routes/many', { paths: ['/'] })

  const page = await open(browser, faults)
  let asked = []
  page.on('request', (r) => asked.push(new URL(r.url()).pathname))
  await page.goto(`${known.manager}/default/upstreams/${id}`)
  await page.getByText('Live', { exact: true }).waitFor()
  await page.getByText(`of ${many + 1}`, { exact: true }).waitFor()
  const rows = () => page.locator('tr[data-target]').count()
  check((await rows()) < 60, `${await rows()} rows are drawn`)

  // Numbers come and go without any request of the page.
  await until(() => asked.some((path) => path.endsWith('/history')), 'the past is asked for')
  const shown = page.locator(`tr[data-target="${known.targets.one}"]`)
  await page.getByLabel('Filter targets').fill(known.targets.one)
  await shown.waitFor()
  asked = []
  for (const sum of [100, 200, 300]) {
    await control('send/100?path=/')
    await until(async () => (await shown.locator('[data-role="requests"]').innerText()) === String(sum), `${sum} requests are counted`)
  }
  const again = asked.filter((path) => path.endsWith('/health'))
  check(again.length <= 2, `${again.length} requests for what the stream tells`) // one belongs to each half minute

  // The last one is reached by scrolling, and after it nothing is left blank.
  await page.getByLabel('Filter targets').fill('')
  const last = page.locator(`tr[data-target="${names.at(-1)}"]`)
  await until(async () => {
    await page.evaluate(() => window.scrollBy(0, 3000))
    return (await last.count()) > 0
  }, 'the last target is there')
  check((await rows()) < 60, `${await rows()} rows are drawn at the end`)
  await page.context().close()

  // The first paint of a page that nobody has loaded before.
  const paints = []
  for (let i = 0; i < (known.firstPaint ? 20 : 5); i++) {
    const fresh = await open(browser, faults)
    await fresh.goto(`${known.manager}/default/services`)
    await fresh.locator('#page-title').waitFor()
    paints.push(await fresh.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity))
    await fresh.context().close()
  }
  console.log(`first paint after ${paints.map(Math.round).join(', ')} ms`)
  if (known.firstPaint) check(Math.max(...paints) < known.firstPaint, `the first paint took ${paints} ms`)
})
