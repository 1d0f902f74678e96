// Every page in both themes, with names that are markup.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { admin, check, known, open, story } from './story.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const markup = '<img src=x onerror=alert(1)>'
const long = 'a-name-that-is-longer-than-anybody-would-think-sensible.'.repeat(3) + 'example.com'

await story(async (browser, faults) => {
  const upstream = await admin('POST', '/upstreams', { name: long, tags: [markup, 'a'] })
  await admin('POST', `/upstreams/${upstream.id}/targets`, { target: known.targets.one, tags: [markup] })
  await admin('POST', `/upstreams/${upstream.id}/targets`, { target: 'name.invalid:80' })
  const service = await admin('POST', '/services', { name: 'marked', host: long, tags: [markup, long] })
  await admin('POST', '/services/marked/routes', { name: 'marked', paths: [`/${markup}`] })
  await admin('POST', '/services/marked/routes', { name: long, paths: [`/${long}`], hosts: [long.slice(-200)], tags: [long] })
  const consumer = await admin('POST', '/consumers', { username: markup, custom_id: '"><script>alert(2)</script>' })
  const plugin = await admin('POST', '/plugins', { name: 'request-termination', config: { message: markup }, enabled: false })

  const pages = [
    '/default/services', '/default/routes', '/default/consumers', '/default/plugins', '/default/upstreams', '/default/certificates', '/default/snis',
    `/default/consumers?q=${encodeURIComponent(markup)}`,
    '/default/services/create', '/default/plugins/create', '/default/plugins/create?name=rate-limiting', '/default/upstreams/create', '/default/routes/create',
    `/default/services/${service.id}`, `/default/services/${service.id}/edit`, `/default/consumers/${consumer.id}`, `/default/plugins/${plugin.id}/edit`,
    `/default/upstreams/${upstream.id}`, `/default/upstreams/${upstream.id}/configuration`, `/default/upstreams/${upstream.id}/explain`,
    `/default/upstreams/${upstream.id}/history`, `/default/upstreams/${upstream.id}/targets/create`, `/default/upstreams/${upstream.id}/edit`,
    '/default/overview', '/default/explain?path=/marked', '/default/revisions', '/default/revisions/1', '/default/nodes', '/default/vaults/create', '/default/keys', '/default/key-sets', '/default/ca_certificates',
    `/default/services/${service.id}/routes`, `/default/services/${service.id}/json`, `/default/services/${service.id}/curl`, `/default/consumers/${consumer.id}/key-auths`, '/default/acls/create',
    '/no/such/page',
  ]
  const lookAt = async (colorScheme) => {
    const page = await open(browser, faults, { colorScheme, reducedMotion: 'reduce' })
    for (const path of pages) {
      await page.goto(known.manager + path)
      await page.locator('#page-title').waitFor()
      await page.locator('.busy').first().waitFor({ state: 'detached' })
      await page.evaluate(axe)
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
      for (const v of violations) faults.push(`axe, ${colorScheme}, ${path}: ${v.id}: ${v.help}\n${v.nodes.map((n) => `  ${n.html.slice(0, 200)}\n  ${n.failureSummary}`).join('\n')}`)
      check((await page.locator('img[src="x"]').count()) === 0, `${path}: a name became markup`)
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      check(wide <= 0, `${path} is ${wide} pixels too wide`)
    }
    await page.context().close()
  }
  await Promise.all([lookAt('light'), lookAt('dark')])

  const narrow = await open(browser, faults, { viewport: { width: 390, height: 844 } })
  for (const path of pages) {
    await narrow.goto(known.manager + path)
    await narrow.locator('#page-title').waitFor()
    await narrow.locator('.busy').first().waitFor({ state: 'detached' })
    const wide = await narrow.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    if (wide > 0) faults.push(`${path} is ${wide} pixels too wide at 390`)
  }
  // What lies over a page hides what is under it.
  await narrow.goto(`${known.manager}/default/upstreams/${upstream.id}`)
  await narrow.getByRole('button', { name: `Actions for ${known.targets.one}` }).click()
  const behind = await narrow.getByRole('menu').evaluate((menu) => getComputedStyle(menu).backgroundColor)
  check(behind === 'rgb(255, 255, 255)', `a menu has the background ${behind}`)
  await narrow.goto(`${known.manager}/default/consumers`)
  await narrow.getByText(markup, { exact: true }).first().waitFor()
})
