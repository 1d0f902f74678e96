import './styles/tokens.css'
import './styles/base.css'
import './components/theme'
import { createApp } from 'vue'
import App from './App.vue'
import { router } from './router'

createApp(App).use(router).mount('#app')
