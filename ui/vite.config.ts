import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { pack } from './build/pack'

const root = fileURLToPath(new URL('.', import.meta.url))

export default defineConfig({
  base: './', // the server writes admin_gui_path into <base>
  plugins: [vue(), pack(root)],
  resolve: { alias: { '@': `${root}src` } },
  define: { __VUE_OPTIONS_API__: 'true', __VUE_PROD_DEVTOOLS__: 'false' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the policy allows files of our own, and no data in styles
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    manifest: 'manifest.json', // the test of the budgets reads it
    // What most pages share comes with the first load: a page is one more script, not a dozen.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'shared', test: /src\/(components|api|schema)\//, minShareCount: 4 }] } } },
  },
  server: { proxy: { '/_api': 'http://127.0.0.1:8002', '/kconfig.js': 'http://127.0.0.1:8002' } },
})
