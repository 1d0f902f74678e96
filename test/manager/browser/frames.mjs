// How smoothly the page of an upstream with many targets scrolls while all of them have requests, and what
// it asks for meanwhile. What to do comes in lines: "follow" looks on, "scroll" scrolls; each is
// answered with a line of JSON.
import { createInterface } from 'node:readline'
import { check, known, open, story, until } from './story.mjs'

await story(async (browser, faults) => {
  const page = await open(browser, faults)
  let asked = []
  let past = 0 // requests about the past that are not answered yet
  let last = 0 // when one of them began or ended
  const ofPast = (r) => r.url().endsWith('/history')
  const told = (n) => {
    past += n
    last = Date.now()
  }
  page.on('request', (r) => {
    asked.push(new URL(r.url()).pathname)
    if (ofPast(r)) told(1)
  })
  page.on('requestfinished', (r) => ofPast(r) && told(-1))
  await page.goto(`${known.manager}/default/upstreams/${known.upstream}`)
  await page.getByText('Live', { exact: true }).waitFor()
  await page.locator('tr[data-target]').first().waitFor()
  await until(() => last > 0 && past === 0 && Date.now() - last > 500, 'the past is known')
  // From here on, the time of every frame; and CPU time, which others on the machine do not add to.
  await page.evaluate(() => {
    globalThis.frames = []
    const seen = (time) => {
      globalThis.frames.push(time)
      requestAnimationFrame(seen)
    }
    requestAnimationFrame(seen)
  })
  const rows = () => page.evaluate(() => document.querySelectorAll('tr[data-target]').length)
  const client = await page.context().newCDPSession(page)
  await client.send('Performance.enable', { timeDomain: 'threadTicks' })
  const busy = async () => Object.fromEntries((await client.send('Performance.getMetrics')).metrics.map((m) => [m.name, m.value]))

  console.log(JSON.stringify({ rows: await rows() }))
  for await (const command of createInterface({ input: process.stdin })) {
    asked = []
    const before = await busy()
    await page.evaluate(() => void (globalThis.frames.length = 0))
    const { frames, way } = await page.evaluate(
      ([scroll, seconds]) =>
        new Promise((resolve) => {
          // As a wheel that turns steadily, down and up again: half a row each frame, 1,700 pixels in a second of 60.
          const begun = performance.now()
          let direction = 1
          let way = 0
          const step = (now) => {
            if (scroll) {
              const from = window.scrollY
              window.scrollBy(0, direction * 28)
              way += Math.abs(window.scrollY - from)
              const most = document.documentElement.scrollHeight - window.innerHeight
              if (window.scrollY >= most - 1) direction = -1
              if (window.scrollY <= 0) direction = 1
            }
            if (now - begun < seconds * 1000) requestAnimationFrame(step)
            else resolve({ frames: globalThis.frames, way })
          }
          requestAnimationFrame(step)
        }),
      [command === 'scroll', known.seconds],
    )
    const after = await busy()
    const between = frames.slice(1).map((t, i) => t - frames[i]).sort((a, b) => a - b)
    check(between.length > 1, 'there were no frames')
    check(command !== 'scroll' || way > 20 * between.length, 'the page did not scroll')
    console.log(
      JSON.stringify({
        frames: (1000 * between.length) / between.reduce((a, b) => a + b, 0),
        p99: between[Math.floor(between.length * 0.99)],
        late: between.filter((b) => b > 25).length,
        count: between.length,
        thread: (1000 * (after.TaskDuration - before.TaskDuration)) / between.length,
        rows: await rows(),
        paths: [...new Set(asked)],
      }),
    )
  }
})
