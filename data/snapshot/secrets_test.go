package snapshot

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gibbon/data/balancer"
	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/schema"
	"gibbon/telemetry"
)

// keeper is settings with a secret.
type keeper struct {
	Secret  string
	Started string // what Secret was at the start
}

func (k *keeper) Fields() schema.Fields {
	return schema.Fields{schema.String("secret", &k.Secret).Referenceable()}
}

func (k *keeper) Start(*plugin.Env) error { k.Started = k.Secret; return nil }

func (k *keeper) Access(*plugin.Exchange) *plugin.Reply { return nil }

func TestPluginsAreGivenTheSecretsOfVaults(t *testing.T) {
	plugins := []*plugin.Plugin{{Name: "keeper", New: func() schema.Record { return new(keeper) }}}
	registry := balancer.NewRegistry(balancer.Options{})
	t.Cleanup(registry.Close)
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	secrets := map[string]string{"{vault://env/a}": "hunter2"}
	b, err := NewBuilder(Options{
		Balancer: registry, Metrics: telemetry.NewMetrics(telemetry.MetricsOptions{}), Log: logger,
		Plugins: plugins, State: plugin.NewState(logger, time.Now, "node"),
		Secrets: func(reference string) (string, error) {
			if value, ok := secrets[reference]; ok {
				return value, nil
			}
			return "", errors.New(reference + ": no value found")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	kinds := entity.NewKinds(entity.Options{Plugins: plugin.Types(plugins)})
	configured := func(secret string) *entity.Plugin {
		e := kinds.Of("plugins").New().(*entity.Plugin)
		if err := schema.Decode(map[string]any{"name": "keeper", "config": map[string]any{"secret": secret}}, e); err != nil {
			t.Fatal(err)
		}
		e.ID = "p"
		return e
	}
	apply := func(c Change) {
		if err := b.Apply([]Change{c}); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(step, want string) {
		t.Helper()
		i := b.Current().Plan(nil).Instances()[0]
		if got := i.Access.(*keeper).Started; got != want {
			t.Errorf("%s: started with %q, want %q", step, got, want)
		}
		if shown := string(schema.Answer(nil, i.Entity)); strings.Contains(shown, "hunter") {
			t.Errorf("%s: the secret is shown in %s", step, shown)
		}
	}
	apply(Change{Kind: "plugins", ID: "p", Entity: configured("plain")})
	expect("no reference", "plain")
	apply(Change{Kind: "plugins", ID: "p", Entity: configured("{vault://env/a}")})
	expect("a reference", "hunter2")
	secrets["{vault://env/a}"] = "hunter3"
	apply(Change{Kind: "vaults", ID: "v"})
	expect("the vaults have changed", "hunter3")
	delete(secrets, "{vault://env/a}")
	apply(Change{Kind: "vaults", ID: "v"})
	expect("without a value", "")
	if text := log.String(); !strings.Contains(text, "vault://env/a") || strings.Contains(text, "hunter") {
		t.Errorf("log: %s", text)
	}
}
