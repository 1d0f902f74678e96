import { describe, expect, it } from 'vitest'
import { endOfCertificate } from './pem'

// Of 2026 in the short way to write a year, and of 2099 in the long one.
const soon = `-----BEGIN CERTIFICATE-----
MIIBYDCCAQWgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDEwlzaG9wLnRl
c3QwHhcNMjYwMTAxMDAwMDAwWhcNMjYxMjAxMTIzNDU2WjAUMRIwEAYDVQQDEwlz
aG9wLnRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQVGG2+dr8Rz+G5aooN
qX2omM0unt+pz54JC+2mydFxrSdVJhgOI+THT5Egd6l/ka5ERcqbdQjlckYLUW5j
4wJzo0gwRjAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBQDWtXz3QiM+A8UvtJ1
6HABKtf2KzAUBgNVHREEDTALgglzaG9wLnRlc3QwCgYIKoZIzj0EAwIDSQAwRgIh
AMkN+u2bdhxaBD5gcywqh3yFR77E4jD/GnddfPiFo8K5AiEA8PkUitsdJQoM0pHb
WeX0pSymZW8kMWF6qclg3idCrWo=
-----END CERTIFICATE-----`
const late = `-----BEGIN CERTIFICATE-----
MIIBYjCCAQegAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDEwlzaG9wLnRl
c3QwIBcNMjYwMTAxMDAwMDAwWhgPMjA5OTEyMDExMjM0NTZaMBQxEjAQBgNVBAMT
CXNob3AudGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGjyjc8zGHtZIiSy
d3QO2UeW+iG0czjwfLFtrQV8v7MuH8n9oaePIKmquWmZso+Matohpdu4AFpQWeMg
I34DwDyjSDBGMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFG2uMgih7/EKqsAt
8q363nknhlhVMBQGA1UdEQQNMAuCCXNob3AudGVzdDAKBggqhkjOPQQDAgNJADBG
AiEAxu5zK5rKjRKYnxqqFAsqy6qABlAQWOPU0sNaVmG7UFICIQDxaUA5J3nj6CG8
g5Gezc3Qrbz+bD20GVhXs4SPctDHeQ==
-----END CERTIFICATE-----`

describe('endOfCertificate', () => {
  it('reads both ways of writing a year', () => {
    expect(endOfCertificate(soon)).toBe(Date.UTC(2026, 11, 1, 12, 34, 56) / 1000)
    expect(endOfCertificate(late)).toBe(Date.UTC(2099, 11, 1, 12, 34, 56) / 1000)
  })
  it('has no answer to what is no certificate', () => {
    for (const text of ['', 'x', null, soon.slice(0, 80), '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----', '-----BEGIN CERTIFICATE-----\n####\n-----END CERTIFICATE-----']) expect(endOfCertificate(text)).toBeUndefined()
  })
})
