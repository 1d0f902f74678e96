// What the most frequent reasons mean, in a sentence. All are in the guide on reasons.
const texts: Record<string, string> = {
  no_route: 'No route asks for such a request.',
  no_service: 'The route that matched has no service.',
  no_peer: 'All targets of the upstream are down, or it has none.',
  no_peer_on_retry: 'A try failed, and no target was left for the next one.',
  all_targets_over_limit: 'Every target that is up has as many requests as it may.',
  queue_full: 'Every target is at its limit, and so is the queue.',
  queue_timeout: 'No target came free in time.',
  deadline_exceeded: 'The deadline of the retry policy has passed.',
  retry_budget_spent: 'Too many tries failed for another one.',
  dns_nxdomain: 'The host of a service or target does not exist.',
  dns_failed: 'A name could not be looked up.',
  upstream_connect_refused: 'Nobody listens at the address of a target.',
  upstream_connect_timeout: 'A target could not be connected to in time.',
  upstream_tls: 'The TLS handshake with a target failed.',
  upstream_read_timeout: 'A target sent nothing for read_timeout.',
  upstream_send_timeout: 'A target took nothing for write_timeout.',
  upstream_drained: 'A target was drained, and its time was over before it answered.',
  upstream_closed_early: 'A target broke the connection off before it answered.',
  upstream_malformed_answer: 'A target sent what is no HTTP answer.',
  https_required: 'The route wants HTTPS.',
  client_gone: 'The client went away.',
  internal: 'A fault of the gateway; its error log has the details.',
}

export function reasonText(reason: string): string {
  if (texts[reason]) return texts[reason]
  if (reason.startsWith('plugin_')) return `The plugin ${reason.slice(7).replaceAll('_', '-')} answered.`
  if (reason.startsWith('malformed_')) return 'The client did not send a valid request.'
  return ''
}

/** Reasons that are the clients' doing, or a plugin's work: nothing is wrong with the gateway. */
export const harmless = (reason: string) => reason.startsWith('plugin_') || reason.startsWith('malformed_') || ['client_gone', 'https_required', 'http2_required', 'bad_path'].includes(reason)
