package admin

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gibbon/entity"
	"gibbon/schema"
	"gibbon/test/pki"
)

func TestConsumersAndCredentials(t *testing.T) {
	o := testOptions()
	c := newClient(t, o)
	c.remember("alice", c.body(201, `POST /consumers {"username":"alice","custom_id":"c-1"}`))
	c.remember("bob", c.body(201, "POST /consumers username=bob"))
	c.remember("k1", c.body(201, `POST /consumers/alice/key-auth {"key":"k1"}`))
	c.remember("basic", c.body(201, "POST /consumers/alice/basic-auth username=au&password=pw"))
	c.run([]step{
		{"GET /consumers?custom_id=c-1", `200 {"data":[{"id":"$alice"…],"next":null}`},
		{"GET /consumers?custom_id=nope", `200 {"data":[],"next":null}`},
		{"GET /consumers?custom_id=", `400 {"message":"custom_id must be an unempty string"}`},
		{"GET /consumers/c-1", `404 {"message":"Not found"}`},

		{"GET /consumers/alice/key-auth/k1", `200 {"id":"$k1"…"consumer":{"id":"$alice"},"key":"k1","tags":null,"ttl":null}`},
		{"GET /consumers/bob/key-auth/k1", `404 {"message":"Not found"}`},
		{"GET /key-auths/k1/consumer", `200 {"id":"$alice"`},
		{"GET /keyauth_credentials", `404 {"message":"Not found"}`},
		{`POST /key-auths {"key":"k2","consumer":{"username":"bob"}}`, `201 {…"consumer":{"id":"$bob"}`},
		{`POST /key-auths {"key":"k3","consumer":{"custom_id":"c-1"}}`, `201 {…"consumer":{"id":"$alice"}`},
		{`POST /consumers/alice/key-auth {"key":"k2"}`, `409 …UNIQUE violation detected on '{key=\"k2\"}'`},
		{`POST /consumers/nope/key-auth {"key":"k"}`, `404 {"message":"Not found"}`},
		{`PUT /consumers/alice/key-auth/k4 {}`, `200 {…"key":"k4"`},
		{"DELETE /consumers/alice/key-auth/k4", "204"},
		{"DELETE /consumers/alice/key-auth/k4", `404 {"message":"Not found"}`},
		{`POST /consumers/alice/key-auth {"ttl":-1}`, `400 {"code":11,"name":"invalid options","message":"invalid option (ttl: must be an integer between 0 and 100000000)","options":{"ttl":"must be an integer between 0 and 100000000"}}`},

		{`PATCH /consumers/alice/basic-auth/au {"password":"new"}`, `200 {"id":"$basic"`},
		{"GET /basic-auths/$basic", `200 {`},

		{"POST /consumers/alice/acls group=g", "201 {"},
		{"POST /consumers/alice/acls group=g", `409 …{consumer={id=\"$alice\"},group=\"g\"}`},
		{"POST /consumers/bob/acls group=g", "201 {"},
		{"GET /consumers/alice/acls/g", `200 {…"consumer":{"id":"$alice"}`},
		{"PUT /consumers/alice/acls/h", `200 {…"group":"h"`},
		{"PATCH /consumers/alice/acls/h group=i", `200 {…"group":"i"`},
		{"GET /consumers/alice/acls/h", `404 {"message":"Not found"}`},
		{"GET /acls/g", `400 {"code":1`},
		{"GET /acls", `200 {"data":[{…},{…},{…}],"next":null}`},

		{"GET /oauth2_authorization_codes", `404 {"message":"Not found"}`},
		{"GET /filter-chains", `400 {"message":"this endpoint is only available when wasm is enabled"}`},
		{"POST /routes/x/filter-chains {}", `400 {"message":"this endpoint is only available when wasm is enabled"}`},
		{"GET /routes/x/filters/all", `400 {"message":"this endpoint is only available when wasm is enabled"}`},
		{"GET /tags/x", `200 {"data":[],"next":null}`},
		{"GET /schemas/keyauth_credentials", `200 {`},
		{"GET /schemas/key-auths", `404 {"message":"No entity named 'key-auths'"}`},

		{"DELETE /consumers/alice", "204"},
		{"GET /key-auths/k1", `404 {"message":"Not found"}`},
		{"GET /acls", `200 {"data":[{…"consumer":{"id":"$bob"}…}],"next":null}`},
	})
	for password := range strings.FieldsSeq("pw new") {
		revision := int64(1)
		for ; ; revision++ {
			r, err := o.Store.Revision(t.Context(), revision)
			if err != nil {
				break
			}
			for _, change := range r.Changes {
				if strings.Contains(string(change.After), `"`+password+`"`) {
					t.Errorf("revision %d holds the password %s", revision, password)
				}
			}
		}
		if revision < 10 {
			t.Fatalf("only %d revisions were looked at", revision)
		}
	}
}

func TestLifetimes(t *testing.T) {
	o := testOptions()
	now := time.Now().Truncate(time.Second).Add(time.Millisecond)
	o.Now = func() time.Time { return now }
	c := newClient(t, o)
	c.body(201, "POST /consumers username=alice")
	c.run([]step{
		{`POST /consumers/alice/key-auth {"key":"k","ttl":60}`, `201 {…"ttl":59}`},
		{`POST /consumers/alice/key-auth {"key":"forever","ttl":0}`, `201 {…"ttl":null}`},
		{"PATCH /key-auths/k tags[]=a", `200 {…"tags":["a"],"ttl":59}`},
	})
	now = now.Add(10 * time.Second)
	c.run([]step{
		{"GET /key-auths/k", `200 {…"ttl":49}`},
		{"GET /key-auths", `200 {…"key":"k"…"ttl":49}`},
		{"PATCH /key-auths/k tags[]=b", `200 {…"ttl":49}`},
		{`PATCH /key-auths/k {"ttl":100}`, `200 {…"ttl":99}`},
		{`PATCH /key-auths/k {"ttl":null}`, `200 {…"ttl":null}`},
		{`PUT /key-auths/k {"consumer":{"username":"alice"},"ttl":5}`, `200 {…"ttl":4}`},
		{`PUT /key-auths/k {"consumer":{"username":"alice"}}`, `200 {…"ttl":null}`},
	})
}

// in writes a body with texts that may hold anything.
func in(t *testing.T, fields map[string]any) string {
	t.Helper()
	b, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCertificatesByName(t *testing.T) {
	c := newClient(t, testOptions())
	p := pki.NewAuthority(t, pki.NewEC(t), "a.test").Pair()
	body := func(names ...string) string {
		fields := map[string]any{"cert": p.Cert, "key": p.Key}
		if names != nil {
			fields["snis"] = names
		}
		return in(t, fields)
	}
	const nobody = "00000000-0000-4000-8000-000000000000"
	c.remember("c", c.body(201, "POST /certificates "+body("b.test", "a.test")))
	c.remember("other", c.body(201, "POST /certificates "+body()))
	c.run([]step{
		{"GET /certificates/a.test", `200 {"id":"$c"…"snis":["a.test","b.test"]}`},
		{"GET /certificates", `200 {…"snis":[`},
		{"GET /certificates/nope.test", `404 {"message":"SNI not found"}`},
		{"GET /certificates/a%20b", `400 {"code":10,"name":"invalid unique name","message":"invalid value: a b"}`},
		{"GET /certificates/" + nobody, `404 {"code":6,…could not find the entity with primary key`},
		{"PATCH /certificates/nope.test {}", `404 {"message":"SNI not found"}`},
		{"PATCH /certificates/" + nobody + " {}", `404 {"code":6`},
		{"DELETE /certificates/nope.test", `404 {"message":"SNI not found"}`},
		{"DELETE /certificates/" + nobody, "204"},
		{"GET /certificates/a.test/snis", `200 {"data":[{…"certificate":{"id":"$c"}`},
		{"GET /certificates/nope.test/snis", `404 {"message":"SNI not found"}`},

		{"POST /certificates " + body("x.test", "x.test"), `400 {"code":2,…(snis: x.test is duplicated)`},
		{"POST /certificates " + body("x.test", "a b"), `400 {"code":10,"name":"invalid unique name","message":"invalid value: a b"}`},
		{`POST /certificates {"snis":["a.test"]}`, `400 …(snis: a.test already associated with existing certificate '$c')`},
		{`POST /certificates {"snis":5}`, `400 …snis: expected an array`},
		{`PATCH /certificates/$other {"snis":["a.test"]}`, `400 …already associated with existing certificate '$c'`},

		{`PATCH /certificates/a.test {"tags":["t"]}`, `200 {"id":"$c"…"snis":["a.test","b.test"]}`},
		{`PATCH /certificates/a.test {"snis":["b.test","c.test"]}`, `200 {"id":"$c"…"snis":["b.test","c.test"]}`},
		{"GET /snis/a.test", `404 {"message":"Not found"}`},
		{"GET /snis/c.test", `200 {…"certificate":{"id":"$c"}`},
		{"GET /snis/c.test/certificate", `404 {"message":"Not found"}`},
		{`PATCH /certificates/$c {"snis":null}`, `200 {…"snis":[]}`},

		{"PUT /certificates/$c " + body("d.test"), `200 {"id":"$c"…"snis":["d.test"]}`},
		{"PUT /certificates/d.test " + body("e.test"), `200 {"id":"$c"…"snis":["d.test","e.test"]}`},
		{"PUT /certificates/d.test " + body(), `200 {"id":"$c"…"snis":[]}`},
		{"PUT /certificates/new.test " + body("f.test"), `200 {…"snis":["f.test","new.test"]}`},
		{"PUT /certificates/bare.test " + body(), `200 {…"snis":[]}`},
		{"GET /certificates/bare.test", `404 {"message":"SNI not found"}`},

		{`POST /services {"name":"s","host":"h","protocol":"https","client_certificate":{"id":"$other"}}`, "201 {"},
		{"GET /services/s/client_certificate", `200 {"id":"$other"…"snis":null}`},
		{"GET /certificates/$other/services", `200 {"data":[{…"name":"s"`},
		{"DELETE /services/s/client_certificate", `405 {"message":"Method not allowed"}`},
		{"DELETE /certificates/$other", `400 {"code":4,…an existing 'services' entity references this 'certificates' entity`},
		{"PATCH /snis/new.test tags[]=x", `200 {`},
		{"DELETE /certificates/new.test", "204"},
		{"GET /snis/new.test", `404 {"message":"Not found"}`},
	})
}

func TestAuthoritiesInUse(t *testing.T) {
	c := newClient(t, testOptions())
	ca := pki.NewAuthority(t, pki.NewEC(t)).Cert
	c.remember("ca", c.body(201, "POST /ca_certificates "+in(t, map[string]any{"cert": ca, "cert_digest": "ignored"})))
	c.remember("s", c.body(201, `POST /services {"name":"s","host":"h","protocol":"https","ca_certificates":["$ca"]}`))
	c.run([]step{
		{"POST /ca_certificates " + in(t, map[string]any{"cert": ca}), `409 …UNIQUE violation detected on '{cert_digest=`},
		{"GET /ca_certificates/nope", `400 {"code":1`},
		{"DELETE /ca_certificates/$ca", `400 {"code":19,"name":"referenced by others","message":"ca certificate $ca is still referenced by services (id = $s)"}`},
		{"DELETE /services/s", "204"},
		{"DELETE /ca_certificates/$ca", "204"},
		{"DELETE /ca_certificates/$ca", "204"},
	})
}

func TestKeysAndVaults(t *testing.T) {
	c := newClient(t, testOptions())
	key := func(kid string) string {
		return `{"kid":"` + kid + `","name":"k` + kid + `","jwk":"{vault://env/jwk}"}`
	}
	c.remember("ks", c.body(201, "POST /key-sets name=ks"))
	c.run([]step{
		{"POST /key-sets/ks/keys " + key("1"), `201 {…"set":{"id":"$ks"}…"jwk":"{vault://env/jwk}"`},
		{`POST /keys {"kid":"1","jwk":"{vault://env/jwk}","set":{"name":"ks"}}`, `409 …UNIQUE violation detected on '{kid=\"1\",set={id=\"$ks\"}}'`},
		{"POST /keys " + key("2"), `201 {…"set":null`},
		{"GET /keys/k1/set", `200 {"id":"$ks"`},
		{"GET /keys/k2/set", `404 {"message":"Not found"}`},
		{"PUT /keys/k2/set name=own", `200 {…"name":"own"`},
		{"GET /key-sets/own/keys/k2", `200 {`},
		{"GET /key-sets/ks/keys/k2", `404 {"message":"Not found"}`},
		{"PUT /key-sets/fresh {}", `200 {…"name":"fresh"`},
		{"DELETE /key-sets/ks", "204"},
		{"GET /keys/k1", `404 {"message":"Not found"}`},
		{"GET /key_sets", `404 {"message":"Not found"}`},

		{"POST /vaults name=env&prefix=my-env&config.prefix=A_", `201 {…"config":{"prefix":"A_"}`},
		{`PATCH /vaults/my-env {"config":{"prefix":null}}`, `200 {…"config":{"prefix":null}`},
		{"GET /vaults/env", `400 {"code":10,"name":"invalid unique prefix","message":"must not be one of: env"}`},
		{"GET /schemas/vaults/env", `200 {"entity_checks":[],"fields":[{"config":{…"prefix":{`},
		{"GET /schemas/vaults/nope", `404 {"message":"No vault named 'nope'"}`},
		{`POST /schemas/vaults/validate {"name":"nope","prefix":"a"}`, `400 …(name: vault 'nope' is not installed)`},
		{`POST /schemas/vaults/validate {"name":"env","prefix":"ab"}`, `200 {"message":"schema validation successful"}`},
	})
}

// limiter is the settings of a plugin.
type limiter struct{ Minute int }

func (l *limiter) Fields() schema.Fields {
	return schema.Fields{schema.Number("minute", &l.Minute).Default(5).Between(1, 9)}
}

func TestPlugins(t *testing.T) {
	o := testOptions()
	o.Kinds = entity.NewKinds(entity.Options{Plugins: []*entity.PluginType{
		{Name: "limiter", Priority: 910, Settings: func() schema.Record { return new(limiter) }},
		{Name: "auth", Priority: 1250, Settings: func() schema.Record { return new(limiter) }, NoConsumer: true},
	}})
	c := newClient(t, o)
	c.remember("s", c.body(201, "POST /services name=s&host=h"))
	c.remember("r", c.body(201, "POST /services/s/routes name=r&paths[]=/&protocols[]=https"))
	c.body(201, "POST /consumers username=alice")
	c.remember("p", c.body(201, `POST /plugins {"name":"limiter"}`))
	c.run([]step{
		{"GET /plugins/enabled", `200 {"enabled_plugins":["limiter","auth"]}`},
		{"GET /plugins/$p", `200 {"id":"$p"…"config":{"minute":5}`},
		{`POST /plugins {"name":"limiter"}`, `409 …UNIQUE violation detected on '{consumer=null,name=\"limiter\",route=null,service=null}'","fields":{"consumer":null,"name":"limiter","route":null,"service":null}`},
		{"POST /services/s/plugins name=limiter&config.minute=7&instance_name=one", `201 {…"service":{"id":"$s"}…"config":{"minute":7}`},
		{"GET /plugins/one", `200 {…"instance_name":"one"`},
		{"PATCH /plugins/one config.minute=8", `200 {…"config":{"minute":8}`},
		{"GET /plugins/one/service", `200 {"id":"$s"`},
		{"GET /plugins/one/route", `404 {"message":"Not found"}`},
		{"PATCH /plugins/nope {}", `404 {"message":"Not found"}`},
		{"PATCH /plugins/00000000-0000-4000-8000-000000000000 {}", `404 {"message":"Not found"}`},
		{"PUT /routes/r/plugins/two name=limiter", `200 {…"instance_name":"two"…"route":{"id":"$r"}`},
		{"POST /consumers/alice/plugins name=auth", `400 …(consumer: value must be null)`},
		{"POST /routes/r/plugins name=auth&protocols[]=http", `400 …(protocols: must match the associated route's protocols)`},
		{"POST /services/s/plugins name=auth&protocols[]=http", `400 …(protocols: must match the protocols of at least one route pointing to this Plugin's service)`},
		{"PATCH /plugins/two protocols[]=grpc", `400 …(protocols: must match the associated route's protocols)`},
		{"POST /plugins name=nope", `400 …(name: plugin 'nope' not enabled; add it to the 'plugins' configuration property)`},
		{`GET /`, `200 {…"plugins":{"available_on_server":{"auth":{"version":"3.9.3","priority":1250},"limiter":{"version":"3.9.3","priority":910}},"enabled_in_cluster":["limiter"]}`},
		{"GET /schemas/plugins/limiter", `200 {"entity_checks":[],"fields":[{"protocols":{…"config":{…"minute":{`},
		{"GET /plugins/schema/limiter", `200 {"entity_checks":[],"fields":[{"minute":{`},
		{"GET /schemas/plugins/nope", `404 {"message":"No plugin named 'nope'"}`},
		{`POST /schemas/plugins/validate {"name":"limiter","config":{"minute":0}}`, `400 …(config.minute: value should be between 1 and 9)`},
		{`POST /schemas/plugins/validate {"name":"limiter"}`, `200 {"message":"schema validation successful"}`},
		{"DELETE /routes/r", "204"},
		{"GET /plugins/two", `404 {"message":"Not found"}`},
	})
}
