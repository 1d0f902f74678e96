package manager

import (
	"os"
	"testing"

	"gibbon/test/pki"
)

// certificates are what forms for them want: one for a name with its key, and an authority.
func certificates(t *testing.T) map[string]any {
	t.Helper()
	authority := pki.NewAuthority(t, pki.NewEC(t))
	pair := authority.Issue(t, pki.NewEC(t), "soon.test")
	return map[string]any{"certificate": pair.Cert, "key": pair.Key, "authority": authority.Cert}
}

// Each kind of entity is made, refused with the fault beside its field, refused as a double,
// changed, deleted, taken back, and not found.
func TestEveryKindOfEntity(t *testing.T) {
	t.Parallel()
	newWorld(t, nil).tell("entities", certificates(t))
}

// The form of every plugin shows all its settings and saves them as they are.
func TestEveryPlugin(t *testing.T) {
	t.Parallel()
	newWorld(t, nil).tell("plugins", nil)
}

// What is wrong comes up by itself; requests are explained, and revisions gone back to.
func TestOperations(t *testing.T) {
	t.Parallel()
	newWorld(t, map[string]string{"EXPLAIN_SAMPLING": "1"}).tell("operations", certificates(t))
}

// An upstream of many targets is drawn as far as it is seen, and follows the events. A page
// is painted within half a second, which only a machine with nothing else to do can tell.
func TestManyTargets(t *testing.T) {
	facts := map[string]any{}
	if os.Getenv("LONG") != "" {
		facts["firstPaint"] = 500
	}
	newWorld(t, nil).tell("many", facts)
}

// The pictures of the guide. They are made anew by make pictures only.
func TestPictures(t *testing.T) {
	folder := os.Getenv("PICTURES")
	if folder == "" {
		t.Skip("make pictures makes them")
	}
	facts := certificates(t)
	facts["folder"] = folder
	newWorld(t, map[string]string{"EXPLAIN_SAMPLING": "1"}).tell("pictures", facts)
}
