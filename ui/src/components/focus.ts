/** Puts the focus on the title of the page: where who listens hears what it is. */
export function focusTitle() {
  document.getElementById('page-title')?.focus({ preventScroll: true })
}

/** Does the same when what had the focus is gone. */
export function saveFocus() {
  if (!document.activeElement || document.activeElement === document.body) focusTitle()
}
