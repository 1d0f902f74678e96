import { focusTitle } from './components/focus'
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'

const EntityList = () => import('./pages/EntityList.vue')
const EntityEdit = () => import('./pages/EntityEdit.vue')
const EntityView = () => import('./pages/EntityView.vue')

/** The workspace that everything is in; the Admin API knows no other. */
export const workspace = 'default'

// Pages are fetched when they are first looked at. Those of one kind come before those of
// any kind.
const pages: RouteRecordRaw[] = [
  { path: 'upstreams/create', name: 'upstream-create', component: EntityEdit, props: { kind: 'upstreams' } },
  { path: 'upstreams/:upstream/targets/create', name: 'target-create', component: () => import('./pages/upstream/TargetCreate.vue'), props: true },
  { path: 'upstreams/:id/:tab(targets|configuration|explain|history)?', name: 'upstream', component: () => import('./pages/upstream/UpstreamPage.vue'), props: true },

  { path: 'overview', name: 'overview', component: () => import('./pages/overview/OverviewPage.vue') },
  { path: 'explain', name: 'explain', component: () => import('./pages/explain/ExplainPage.vue') },
  { path: 'revisions', name: 'revisions', component: () => import('./pages/revisions/RevisionsPage.vue') },
  { path: 'revisions/:number', name: 'revision', component: () => import('./pages/revisions/RevisionPage.vue'), props: true },
  { path: 'nodes', name: 'nodes', component: () => import('./pages/nodes/NodesPage.vue') },

  { path: ':kind', name: 'list', component: EntityList, props: true },
  { path: ':kind/create', name: 'create', component: EntityEdit, props: true },
  { path: ':kind/:id/edit', name: 'edit', component: EntityEdit, props: true },
  { path: ':kind/:id/:tab?', name: 'view', component: EntityView, props: true },
]

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', redirect: `/${workspace}/overview` },
    { path: `/${workspace}`, children: [{ path: '', redirect: `/${workspace}/overview` }, ...pages] },
    { path: '/:path(.*)*', name: 'not-found', component: () => import('./pages/NotFound.vue') },
  ],
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
})

// A page moves the focus to its title, so that who listens hears where they are.
router.afterEach((to, from, failure) => {
  if (failure || to.path === from.path || from.matched.length === 0) return
  requestAnimationFrame(focusTitle)
})
