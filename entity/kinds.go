package entity

// Kinds are the kinds of entities, parents before children.
type Kinds []*Kind

// NewKinds returns all kinds.
func NewKinds(o Options) Kinds {
	newRoute := func(r *Route) { r.flavour = o.RouterFlavour }
	kinds := Kinds{
		plain[Certificate](Kind{Name: "certificates", Aliases: &Aliases{
			Field: "snis", Kind: "snis", Key: "name", Ref: "certificate", Unknown: "SNI not found",
		}}),
		plain[SNI](Kind{Name: "snis", EndpointKey: "name", Closed: []string{"certificate"}}),
		plain[CACertificate](Kind{Name: "ca_certificates"}),
		plain[Service](Kind{Name: "services", EndpointKey: "name"}),
		kind(Kind{Name: "routes", EndpointKey: "name"}, newRoute),
		plain[Upstream](Kind{Name: "upstreams", EndpointKey: "name"}),
		plain[Target](Kind{Name: "targets", SiblingKey: "target", NewestFirst: true, Nested: true}),
		plain[Consumer](Kind{Name: "consumers", EndpointKey: "username", Query: "custom_id"}),
		pluginKind(o.Plugins),
		vaultKind(),
		plain[KeySet](Kind{Name: "key_sets", Path: "key-sets", EndpointKey: "name"}),
		plain[Key](Kind{Name: "keys", EndpointKey: "name"}),
		plain[KeyAuthCredential](Kind{Name: "keyauth_credentials", Path: "key-auths", Below: "key-auth", EndpointKey: "key", CacheKey: []string{}}),
		plain[BasicAuthCredential](Kind{Name: "basicauth_credentials", Path: "basic-auths", Below: "basic-auth", EndpointKey: "username", CacheKey: []string{"username"}}),
		plain[HMACAuthCredential](Kind{Name: "hmacauth_credentials", Path: "hmac-auths", Below: "hmac-auth", EndpointKey: "username", CacheKey: []string{"username"}}),
		plain[JWTSecret](Kind{Name: "jwt_secrets", Path: "jwts", Below: "jwt", EndpointKey: "key", CacheKey: []string{}}),
		plain[ACL](Kind{Name: "acls", SiblingKey: "group"}),
		plain[OAuth2Credential](Kind{Name: "oauth2_credentials", Path: "oauth2", EndpointKey: "client_id", CacheKey: []string{}}),
		plain[OAuth2Token](Kind{Name: "oauth2_tokens", Runtime: true, EndpointKey: "access_token", CacheKey: []string{}}),
		plain[OAuth2Code](Kind{Name: "oauth2_authorization_codes", Runtime: true, Hidden: true}),
		plain[Session](Kind{Name: "sessions", Runtime: true, EndpointKey: "session_id"}),
		plain[ACMEStorage](Kind{Name: "acme_storage", Runtime: true}),
	}
	return append(kinds, describedKinds()...)
}

// Of returns the kind with the given name, or nil.
func (k Kinds) Of(name string) *Kind {
	for _, kind := range k {
		if kind.Name == name {
			return kind
		}
	}
	return nil
}

// A Child is a kind whose entities have a foreign key to another kind.
type Child struct {
	Kind  *Kind
	Field string // the foreign key: "service"
}

// Children lists the kinds that refer to the one named.
func (k Kinds) Children(parent string) []Child {
	var children []Child
	for _, kind := range k {
		for _, ref := range kind.References() {
			if ref.Kind == parent {
				children = append(children, Child{kind, ref.Field})
			}
		}
	}
	return children
}
