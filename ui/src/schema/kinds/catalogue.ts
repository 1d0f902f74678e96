/** What the form's first question shows of a plugin or a kind of vault. */
export interface CatalogueEntry {
  group: string
  text: string
}

const entry = (group: string, text: string): CatalogueEntry => ({ group, text })
const who = 'Who may send requests'
const how = 'How many, how large'
const change = 'Change requests and answers'
const watch = 'Logs and metrics'

/** What each plugin is for. One that is not here is shown in a last group, by its name. */
export const catalogue: Record<string, CatalogueEntry> = {
  'key-auth': entry(who, 'Asks for an API key in a header, the query or the body.'),
  'basic-auth': entry(who, 'Asks for a user name and a password.'),
  'hmac-auth': entry(who, 'Asks for a signature of the request.'),
  jwt: entry(who, 'Asks for a signed JSON Web Token.'),
  oauth2: entry(who, 'Issues and asks for OAuth 2.0 access tokens.'),
  'ldap-auth': entry(who, 'Asks for a password that an LDAP server knows.'),
  session: entry(who, 'Keeps who has authenticated in a cookie.'),
  acl: entry(who, 'Lets groups of consumers in, or keeps them out.'),
  'ip-restriction': entry(who, 'Lets addresses in, or keeps them out.'),
  'bot-detection': entry(who, 'Keeps out clients by their User-Agent.'),
  cors: entry(who, 'Says which pages of other origins may use the answers.'),
  acme: entry(who, 'Gets certificates from an ACME authority and renews them.'),
  'rate-limiting': entry(how, 'Allows so many requests in a second, minute, hour, day, month or year.'),
  'response-ratelimiting': entry(how, 'Allows as much as the answers of the target count.'),
  'request-size-limiting': entry(how, 'Refuses bodies that are too large.'),
  'request-termination': entry(how, 'Answers by itself, with a status and a text of yours.'),
  'proxy-cache': entry(how, 'Keeps answers, and gives them again.'),
  'request-transformer': entry(change, 'Removes, renames, replaces, adds and appends parts of requests.'),
  'response-transformer': entry(change, 'Removes, renames, replaces, adds and appends parts of answers.'),
  redirect: entry(change, 'Sends the client to another address.'),
  'correlation-id': entry(change, 'Gives each request an id that goes through everything.'),
  'grpc-gateway': entry(change, 'Lets HTTP clients call gRPC services.'),
  'grpc-web': entry(change, 'Lets browsers call gRPC services.'),
  'aws-lambda': entry(change, 'Calls a function instead of a service.'),
  'pre-function': entry(change, 'Runs code before the other plugins.'),
  'post-function': entry(change, 'Runs code after the other plugins.'),
  'ai-proxy': entry(change, 'Sends prompts to providers of language models.'),
  prometheus: entry(watch, 'Counts requests, latencies and health for Prometheus.'),
  'http-log': entry(watch, 'Sends an entry for each request to an HTTP server.'),
  'file-log': entry(watch, 'Writes an entry for each request into a file.'),
  'tcp-log': entry(watch, 'Sends an entry for each request over TCP.'),
  'udp-log': entry(watch, 'Sends an entry for each request over UDP.'),
  syslog: entry(watch, 'Sends an entry for each request to syslog.'),
  loggly: entry(watch, 'Sends an entry for each request to Loggly.'),
  statsd: entry(watch, 'Sends metrics to a StatsD server.'),
  datadog: entry(watch, 'Sends metrics to a Datadog agent.'),
  zipkin: entry(watch, 'Sends traces to a Zipkin server.'),
  opentelemetry: entry(watch, 'Sends traces and logs by OTLP.'),
}

/** What each kind of vault is. */
export const vaultCatalogue: Record<string, CatalogueEntry> = {
  env: entry('Vaults', 'Secrets are environment variables of the gateway.'),
}

/** The order in which groups are shown. */
export const groupOrder = [who, how, change, watch, 'Vaults', 'Others']
