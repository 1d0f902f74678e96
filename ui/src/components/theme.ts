import { ref, watchEffect } from 'vue'

export type Theme = 'light' | 'dark' | 'system'

const stored = localStorage.getItem('theme')
export const theme = ref<Theme>(stored === 'light' || stored === 'dark' ? stored : 'system')

const dark = window.matchMedia('(prefers-color-scheme: dark)')
const systemDark = ref(dark.matches)
dark.addEventListener('change', () => (systemDark.value = dark.matches))

/** The theme that is shown. */
export const shownTheme = ref<'light' | 'dark'>('light')

watchEffect(() => {
  shownTheme.value = theme.value === 'system' ? (systemDark.value ? 'dark' : 'light') : theme.value
  document.documentElement.dataset.theme = shownTheme.value
  if (theme.value === 'system') localStorage.removeItem('theme')
  else localStorage.setItem('theme', theme.value)
})
