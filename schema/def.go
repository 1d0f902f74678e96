package schema

// flags are the yes-or-no properties of a field.
type flags uint32

const (
	required flags = 1 << iota
	optional       // printed as "required": false
	unique
	uniqueAcross // among all workspaces
	notUnique    // printed as "unique": false
	transient    // input only
	referenceable
	encrypted
	extension // unknown to the reference
	notNull   // the store refuses null although the schema allows it
	abstract  // a record whose fields depend on another field
	primary   // the id
	hasDefault
	defaultNull // printed as "default": null
	emptyText   // "" is a text like any other
	lifetime    // seconds after which the record is no more
	aside       // kept elsewhere: in answers, not in documents
)

// auto says how a value that a body leaves out is made.
type auto uint8

const (
	notAuto auto = iota
	autoUUID
	autoSecret
	autoCreated
	autoUpdated
)

// A def is what is declared about a value, whatever its Go type.
type def struct {
	name  string
	kind  string // "string", "integer", …: the type in a description
	doc   string
	flags flags
	auto  auto
	rules []Rule  // by rank
	few   [2]Rule // the first rules, so that most fields need no more memory

	element *def          // of an array or set
	record  func() Record // of a record: where its fields are put
	*rare                 // what few fields have; nil when there is nothing
}

// rare keeps a def small: records list their fields often.
type rare struct {
	key, val    *def                     // of a map
	shown       []string                 // of a record: the sub-records in its shown default
	parent      string                   // of a foreign key: the kind it refers to
	by          []string                 // unique fields of the parent that may stand for its id
	onDelete    OnDelete                 //
	expand      func(any) map[string]any // of a shorthand
	deprecation *Deprecation
	also        []any // values beside those of one_of, as trees
}

// more returns what may be set of a def's rare properties.
func (d *def) more() *rare {
	if d.rare == nil {
		d.rare = new(rare)
	}
	return d.rare
}

func (d *def) is(f flags) bool { return d.flags&f != 0 }

func (d *def) isShorthand() bool { return d.rare != nil && d.expand != nil }

// isOldName reports whether a shorthand is an earlier name of another field. Its
// pointer is then that of the field.
func (d *def) isOldName() bool { return d.deprecation != nil && len(d.deprecation.ReplacedWith) > 0 }

// add puts rules where their rank says, in place of those of the same rank
// that can be there only once.
func (d *def) add(rules ...Rule) {
	for _, r := range rules {
		if r.name == "required" {
			d.flags |= required
			continue
		}
		i := 0
		for i < len(d.rules) && d.rules[i].rank <= r.rank {
			i++
		}
		if i > 0 && d.rules[i-1].rank == r.rank && r.rank < ranksThatRepeat {
			d.rules[i-1] = r
			continue
		}
		if d.rules == nil {
			d.rules = d.few[:0]
		}
		d.rules = append(d.rules, Rule{})
		copy(d.rules[i+1:], d.rules[i:])
		d.rules[i] = r
	}
}

// with returns d with further rules, for a condition.
func (d *def) with(rules []Rule) *def {
	c := *d
	c.rules = append([]Rule(nil), d.rules...)
	for _, r := range rules {
		if r.name == "elements" && c.element != nil {
			nested, _ := r.arg.([]Rule)
			c.element = c.element.with(nested)
			continue
		}
		c.add(r)
	}
	return &c
}

// rule returns the rule with the given name, or nil.
func (d *def) rule(name string) *Rule {
	for i := range d.rules {
		if d.rules[i].name == name {
			return &d.rules[i]
		}
	}
	return nil
}
