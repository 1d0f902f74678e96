// What every story begins and ends with: a browser, and a watch for what must never happen.
import { chromium } from 'playwright-core'

/** Where everything is; from the Go test. */
export const known = JSON.parse(process.env.STORY)

/** How long to wait for something to be seen, on a slow and busy machine. */
export const patience = 45_000

export function check(claim, text) {
  if (!claim) throw new Error(text)
}

/** Has something done outside of the browser: "stop/one", "send/100?path=/mock". */
export async function control(command, body) {
  const answer = await fetch(`${known.control}/${command}`, { method: 'POST', body: body && JSON.stringify(body) })
  check(answer.ok, `${command}: ${answer.status}`)
}

/** Asks the Admin API, without the browser. */
export async function admin(method, path, body, headers = {}) {
  const answer = await fetch(known.admin + path, { method, headers: { 'Content-Type': 'application/json', ...headers }, body: body && JSON.stringify(body) })
  const text = await answer.text()
  check(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
  return text && JSON.parse(text)
}

/** Waits until `claim` holds. */
export async function until(claim, text) {
  const end = Date.now() + patience
  for (;;) {
    if (await claim()) return
    check(Date.now() < end, `not within ${patience} ms: ${text}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/**
 * Opens a page that reports errors of scripts, what the content policy refuses, dialogs of scripts, and
 * requests to anywhere but the Manager. `allow` tells which messages of the console are expected.
 */
export async function open(browser, faults, options = {}, allow = () => false) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(patience)
  page.on('pageerror', (e) => faults.push(`error of a script at ${page.url()}: ${e.stack}`))
  page.on('console', (m) => {
    if (m.type() === 'error' && !allow(m.text())) faults.push(`console at ${page.url()}: ${m.text()}`)
  })
  page.on('dialog', (d) => {
    faults.push(`a script opened a dialog: ${d.message()}`)
    void d.dismiss()
  })
  page.on('request', (r) => {
    if (!r.url().startsWith(`${known.manager}/`) && !r.url().startsWith('data:')) faults.push(`a request to ${r.url()}`)
  })
  return page
}

/** Runs a story; it fails when one of its claims does, or something happened that must not. */
export async function story(tell) {
  const browser = await chromium.launch({
    executablePath: known.browser,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage', '--no-first-run'],
  })
  const faults = []
  try {
    await tell(browser, faults)
  } catch (e) {
    faults.push(e.stack)
    for (const context of browser.contexts()) {
      for (const page of context.pages()) {
        const seen = await page.locator('body').innerText().catch(() => '')
        faults.push(`${page.url()} shows:\n${seen.slice(0, 3000)}`)
      }
    }
  }
  await browser.close()
  if (faults.length) {
    console.error(faults.join('\n\n'))
    process.exit(1)
  }
}
