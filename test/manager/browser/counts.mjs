// The counts on the page, after many requests.
import { admin, control, known, open, story, until } from './story.mjs'

await story(async (browser, faults) => {
  const { id } = await admin('POST', '/upstreams', { name: 'counted' })
  for (const [name, weight] of [['one', 100], ['two', 37]]) await admin('POST', '/upstreams/counted/targets', { target: known.targets[name], weight })
  await admin('PUT', '/services/counted', { host: 'counted' })
  await admin('PUT', '/services/counted/routes/counted', { paths: ['/'] })

  const page = await open(browser, faults)
  await page.goto(`${known.manager}/default/upstreams/${id}`)
  await page.getByText('Live').waitFor()
  const started = Date.now()
  await control(`send/${known.number}?path=/`)
  const took = Date.now() - started
  const counts = () =>
    page.evaluate(() => Object.fromEntries([...document.querySelectorAll('tr[data-target]')].map((r) => [r.dataset.target, Number(r.querySelector('[data-role="requests"]').textContent.replaceAll(',', ''))])))
  let now = {}
  await until(async () => {
    now = await counts()
    return Object.values(now).reduce((a, b) => a + b, 0) >= known.number
  }, 'all requests are counted')
  await control('counted', now)
  console.log(`${known.number} requests in ${took} ms: ${JSON.stringify(now)}`)
})
