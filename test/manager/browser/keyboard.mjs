// The walk-through without a mouse: Tab, Enter, arrows, and Ctrl K. Wherever the focus is, it can be seen, and
// it is never lost.
import { expected } from './forms.mjs'
import { admin, check, control, known, open, story, until } from './story.mjs'

await story(async (browser, faults) => {
  const page = await open(browser, faults, {}, expected)
  const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve())
  const focused = () =>
    page.evaluate(() => {
      const e = document.activeElement
      if (!e || e === document.body) return { lost: true, text: 'nothing' }
      const box = e.getBoundingClientRect()
      const style = getComputedStyle(e)
      const around = e.parentElement ? getComputedStyle(e.parentElement) : style
      return {
        lost: false,
        text: `${e.tagName} ${e.getAttribute('aria-label') ?? ''} ${e.textContent.trim().slice(0, 60)}`,
        // An outline of its own, or the frame of what it stands in.
        seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth && (style.outlineStyle !== 'none' || style.boxShadow !== 'none' || around.boxShadow !== 'none'),
        turned: document.querySelectorAll('[tabindex]:not([tabindex="0"]):not([tabindex="-1"])').length,
      }
    })
  /** Waits until the focus is somewhere: after dialogs and turns of pages. */
  const kept = (when) => until(async () => !(await focused()).lost, `${when}: the focus is kept`)
  /** Presses Tab until `locator` has the focus. Each stop on the way can be seen. */
  const tabTo = async (locator, key = 'Tab') => {
    await locator.waitFor()
    for (let i = 0; i < 150; i++) {
      if (await locator.evaluate((e) => e === document.activeElement)) return
      await press(key)
      const f = await focused()
      if (f.lost) continue // the window's own controls, before it begins anew
      check(f.seen, `the focus cannot be seen on ${f.text} at ${page.url()}`)
      check(f.turned === 0, `the order of ${page.url()} is not that of the document`)
    }
    throw new Error(`Tab does not come to ${locator} at ${page.url()}`)
  }
  const enter = async (locator) => {
    await tabTo(locator)
    await press('Enter')
  }
  const link = (name) => page.getByRole('main').getByRole('link', { name, exact: true }).first()
  const button = (name) => page.getByRole('button', { name, exact: true })
  const field = (name) => page.getByRole('textbox', { name, exact: true })
  const title = (name) => page.getByRole('heading', { level: 1, name })
  const at = async (name) => {
    await title(name).waitFor()
    await kept(`on the page ${name}`)
  }
  const type = async (locator, text) => {
    await tabTo(locator)
    await page.keyboard.type(text)
  }
  const find = async (text) => {
    await press('Control+k')
    const input = page.getByRole('combobox', { name: 'Find anything' })
    await input.waitFor()
    await page.keyboard.type(text)
    await page.getByRole('option', { selected: true }).filter({ hasText: new RegExp(text, 'i') }).waitFor()
    await press('Enter')
    await input.waitFor({ state: 'detached' })
  }

  // The first stop leads past the places.
  await page.goto(`${known.manager}/`)
  await title('Overview').waitFor()
  await press('Tab')
  check((await focused()).text.includes('Skip to the content'), `the first stop is ${(await focused()).text}`)
  await press('Enter')
  check(await page.evaluate(() => document.activeElement.id === 'main'), 'it leads to the content')

  // Ctrl K, and back to where one was when nothing was chosen.
  await press('Tab')
  const was = (await focused()).text
  await press('Control+k')
  await page.getByRole('combobox', { name: 'Find anything' }).waitFor()
  await press('Escape')
  await until(async () => (await focused()).text === was, `the focus is back on ${was}`)

  // New Upstream > Name > Create > Add targets > Create, twice.
  const { one, two } = known.targets
  await find('New Upstream')
  await at('New Upstream')
  await type(field('Name'), 'keys')
  await press('Enter')
  await at('Upstream keys')
  await enter(link('Add targets'))
  await at('New Target')
  await type(field('Target'), one)
  await enter(button('Create and add another'))
  await until(async () => (await field('Target').inputValue()) === '', 'the form is for another one')
  await kept('after the first target')
  await type(field('Target'), two)
  await press('Enter')
  await at('keys')
  await page.locator(`tr[data-target="${two}"]`).waitFor()

  // Services > New Service > Host > Create > Add a route > Create.
  await find('New Service')
  await at('New Service')
  await type(field('Name'), 'shop')
  await type(field('Host'), 'keys')
  await press('Enter')
  await at('Service shop')
  await enter(link('Add a route'))
  await at('New Route')
  await type(field('Name'), 'shop')
  await type(field('Paths'), '/shop')
  await press('Enter') // takes the path into the list
  await press('Control+Enter')
  await at('shop')
  const proxied = async () => (await fetch(`${known.proxy}/shop`)).status === 200
  await until(proxied, 'the requests come to a target')

  // A fault leads to its field.
  await find('New Upstream')
  await at('New Upstream')
  await type(field('Name'), 'no name')
  await press('Enter')
  await page.getByText('must be a valid hostname').waitFor()
  await until(() => field('Name').evaluate((e) => e === document.activeElement), 'the field with the fault has the focus')
  await find('Upstreams') // asks, because something was typed
  await page.getByRole('dialog').getByRole('button', { name: 'Leave' }).waitFor()
  await enter(page.getByRole('dialog').getByRole('button', { name: 'Leave' }))
  await at('Upstreams')

  // Through a list by arrows, and into one of it.
  await page.getByRole('row', { name: /keys/ }).waitFor()
  await tabTo(page.getByRole('searchbox', { name: 'Filter Upstreams' }))
  await press('ArrowDown', 'Enter')
  await at('keys')

  // A weight where it stands: given up, then saved.
  const weight = button(`Change the weight of ${one}, 100`)
  await enter(weight)
  await press('Escape')
  await until(() => weight.evaluate((e) => e === document.activeElement), 'the weight that was not changed has the focus')
  await press('Enter')
  await page.getByRole('textbox', { name: `Weight of ${one}` }).waitFor()
  await page.keyboard.type('300')
  await press('Enter')
  const changed = button(`Change the weight of ${one}, 300`)
  await changed.waitFor()
  await until(() => changed.evaluate((e) => e === document.activeElement), 'the weight that was saved has the focus')
  await enter(button('Undo'))
  await weight.waitFor()
  await kept('after undo')

  // A menu by arrows; Escape gives the focus back to its button, as does a question that was denied.
  const menu = button(`Actions for ${two}`)
  await enter(menu)
  await page.getByRole('menuitem', { name: 'Mark healthy' }).waitFor()
  await press('Escape')
  await until(() => menu.evaluate((e) => e === document.activeElement), 'the button of the menu has the focus')
  const remove = async () => {
    await press('ArrowDown')
    const last = page.getByRole('menuitem', { name: 'Delete' })
    await last.waitFor()
    await press('End')
    await until(() => last.evaluate((e) => e === document.activeElement), 'the last item has the focus')
    await press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).waitFor()
  }
  await remove()
  await press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await until(() => menu.evaluate((e) => e === document.activeElement), 'the button of the menu has the focus again')
  await remove()
  await enter(page.getByRole('dialog').getByRole('button', { name: 'Delete' }))
  await page.locator(`tr[data-target="${two}"]`).waitFor({ state: 'detached' })
  await kept('after the target is gone')

  // Tabs by arrows.
  await tabTo(page.getByRole('main').getByRole('link', { name: /^Targets/ }).or(page.getByRole('tab', { name: /^Targets/ })).first())
  await enter(page.getByRole('main').getByRole('link', { name: 'History' }).or(page.getByRole('tab', { name: 'History' })).first())
  await page.waitForURL('**/history')
  await kept('on another tab')

  // Backwards, too.
  await tabTo(link('Edit'), 'Shift+Tab')
  await control('send/10?path=/shop')
  check((await admin('GET', '/upstreams/keys/targets')).data.length === 1, 'one target is left')
})
