// The pictures of the guide: the main pages, in both themes.
import { admin, control, known, open, story, until } from './story.mjs'

await story(async (browser, faults) => {
  const { one, two } = known.targets
  const checks = { active: { healthy: { interval: 1, successes: 1 }, unhealthy: { interval: 1, tcp_failures: 1 } } }
  const upstream = await admin('POST', '/upstreams', { name: 'shop', healthchecks: checks, tags: ['production'] })
  for (const target of [one, two]) await admin('POST', `/upstreams/${upstream.id}/targets`, { target })
  const service = await admin('POST', '/services', { name: 'shop', host: 'shop', tags: ['production'] })
  await admin('POST', '/services', { name: 'accounts', host: 'accounts.example.com', protocol: 'https', port: 443, path: '/v2' })
  await admin('POST', '/services', { name: 'search', host: 'search.example.com', port: 9200, tags: ['internal'] })
  await admin('POST', '/services/shop/routes', { name: 'shop', paths: ['/shop'] })
  await admin('POST', '/services/accounts/routes', { name: 'accounts', hosts: ['accounts.example.com'], paths: ['/'] })
  await admin('POST', '/services/shop/plugins', { name: 'rate-limiting', config: { minute: 600_000, policy: 'local' } })
  await admin('POST', '/consumers', { username: 'alice', tags: ['partner'] })
  await admin('POST', '/certificates', { cert: known.certificate, key: known.key, snis: ['shop.example.com'] })
  await admin('PATCH', '/services/shop', { retries: 3, read_timeout: 10_000 })
  const revision = (await admin('GET', '/revisions?size=1')).data[0].number
  await control('send/400?path=/shop')
  await control('stop/two')
  await control('send/400?path=/shop')

  const pages = {
    overview: '/default/overview',
    services: '/default/services',
    'edit-service': `/default/services/${service.id}/edit`,
    plugins: '/default/plugins/create',
    upstream: `/default/upstreams/${upstream.id}`,
    explain: '/default/explain?method=GET&path=/shop/cart',
    revision: `/default/revisions/${revision}`,
  }
  // So that the chart has something to show: some seconds of it, as the table beside it tells.
  const showsTraffic = async (page) => {
    const line = page.getByRole('region', { name: 'Requests per second as a table' }).getByRole('row', { name: one })
    const mean = async () => Number((await line.getByRole('cell').nth(1).innerText()).replaceAll(',', ''))
    const means = new Set()
    await until(async () => {
      await control('send/40?path=/shop')
      means.add(await mean())
      return means.size > 3
    }, 'the chart shows some seconds of traffic')
  }
  for (const colorScheme of ['light', 'dark']) {
    const page = await open(browser, faults, { colorScheme, viewport: { width: 1280, height: 800 } })
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(known.manager + path)
      await page.locator('#page-title').waitFor()
      await page.locator('.busy').first().waitFor({ state: 'detached' })
      if (name === 'overview') {
        await page.getByRole('link', { name: `${two} of shop` }).waitFor()
        const rate = page.locator('dt', { hasText: /^Requests\/s$/ }).locator('xpath=following-sibling::dd')
        await until(async () => (await rate.innerText()) !== '–', 'the rate is known')
      }
      if (name === 'upstream') {
        await page.locator(`tr[data-target="${two}"].tone-bad`).waitFor()
        await showsTraffic(page)
      }
      if (name === 'explain') await page.getByRole('region', { name: 'Candidates' }).waitFor()
      await page.screenshot({ path: `${known.folder}/${name}-${colorScheme}.png`, animations: 'disabled' })
    }
    await page.context().close()
  }
})
