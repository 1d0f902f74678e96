package schema

// A Field is one field of a record: what is declared about it, and where its
// value is.
type Field interface {
	// Name is the field's key in JSON.
	Name() string

	declared() *def
	defaultTree() any     // the default, when there is one
	put(tree any)         // fills from a valid tree
	tree() any            // the value as a tree
	load(s *scanner)      // fills from a document
	reset()               // fills with the default, or clears
	append([]byte) []byte // the value as JSON
}

// A Value is a field, or an element of one, whose Go type is T. Its methods add
// to the declaration and return it.
type Value[T any] struct {
	def
	p        *T
	null     **T // instead of p, where null is told apart from every value
	codec    codec[T]
	fallback T
}

// A codec converts between Go values of one type, trees and JSON.
type codec[T any] interface {
	fill(p *T, tree any) // tree is valid and not nil
	tree(v T) any        // nil when v stands for null
	load(s *scanner, p *T)
	append(b []byte, v T) []byte
	clone(v T) T
}

// Name is the field's key in JSON.
func (f *Value[T]) Name() string { return f.name }

// Doc describes the field in words.
func (f *Value[T]) Doc(words string) *Value[T] { f.doc = words; return f }

// Required refuses null.
func (f *Value[T]) Required() *Value[T] { return f.set(required) }

// Optional lets the description say that the field is not required.
func (f *Value[T]) Optional() *Value[T] {
	f.flags &^= required
	return f.set(optional)
}

// Unique says that no two records of a kind have the same value.
func (f *Value[T]) Unique() *Value[T] { return f.set(unique) }

// UniqueAcross is Unique among all workspaces.
func (f *Value[T]) UniqueAcross() *Value[T] { return f.set(unique | uniqueAcross) }

// NotUnique lets the description say that the field is not unique.
func (f *Value[T]) NotUnique() *Value[T] { return f.set(notUnique) }

// Transient says that the field is input only: neither stored nor shown.
func (f *Value[T]) Transient() *Value[T] { return f.set(transient) }

// Aside says that the value is kept elsewhere than in the record's document: it
// comes with bodies and is shown in answers.
func (f *Value[T]) Aside() *Value[T] { return f.set(transient | aside) }

// Referenceable lets a vault reference stand for the value.
func (f *Value[T]) Referenceable() *Value[T] { return f.set(referenceable) }

// Encrypted says that the value is a secret.
func (f *Value[T]) Encrypted() *Value[T] { return f.set(encrypted) }

// Extension says that the reference does not know the field: it is left out of
// answers and documents while it has its default, and of descriptions always.
func (f *Value[T]) Extension() *Value[T] { return f.set(extension) }

// NotNull says that null passes the rules and is then refused with a NullError.
func (f *Value[T]) NotNull() *Value[T] { return f.set(notNull) }

// EmptyAllowed lets an empty text pass.
func (f *Value[T]) EmptyAllowed() *Value[T] {
	return f.set(emptyText).Is(LenMin(0))
}

func (f *Value[T]) set(s flags) *Value[T] { f.flags |= s; return f }

// Default is the value of a field that a body leaves out.
func (f *Value[T]) Default(v T) *Value[T] {
	f.fallback = v
	return f.set(hasDefault)
}

// DefaultNull lets the description say that the default is null.
func (f *Value[T]) DefaultNull() *Value[T] { return f.set(defaultNull) }

// DefaultOf names the sub-records whose defaults the description shows as the
// default of this record; without it, it shows all defaults.
func (f *Value[T]) DefaultOf(names ...string) *Value[T] { f.more().shown = names; return f }

// Is adds rules.
func (f *Value[T]) Is(rules ...Rule) *Value[T] { f.add(rules...); return f }

// Eq lets only one value pass.
func (f *Value[T]) Eq(value T) *Value[T] { return f.Is(Eq(value)) }

// Ne refuses one value.
func (f *Value[T]) Ne(value T) *Value[T] { return f.Is(Ne(value)) }

// OneOf lets only the listed values pass.
func (f *Value[T]) OneOf(values ...T) *Value[T] { return f.Is(OneOf(values...)) }

// Also lets values pass that the reference does not know: neither a description, unless it
// is extended, nor the message of OneOf, which comes first, names them.
func (f *Value[T]) Also(values ...T) *Value[T] {
	f.more().also = append(f.more().also, trees(values)...)
	if r := f.rule("one_of"); r != nil {
		test := r.test
		r.test = func(arg, v any) string {
			if among[T](values, v) {
				return ""
			}
			return test(arg, v)
		}
	}
	return f
}

// NotOneOf refuses the listed values.
func (f *Value[T]) NotOneOf(values ...T) *Value[T] { return f.Is(NotOneOf(values...)) }

// Not refuses one value, with a message of its own.
func (f *Value[T]) Not(value T, message string) *Value[T] {
	return f.Is(notRule(value, message))
}

// MustBeNull refuses everything but null, with a message of its own.
func (f *Value[T]) MustBeNull(message string) *Value[T] { return f.Is(nullRule(message)) }

// Between gives the bounds of a number; both pass.
func (f *Value[T]) Between(low, high float64) *Value[T] { return f.Is(betweenRule(low, high)) }

// Above gives a bound that itself does not pass.
func (f *Value[T]) Above(low float64) *Value[T] { return f.Is(gtRule(low)) }

// Timestamp asks for a point in time.
func (f *Value[T]) Timestamp() *Value[T] { return f.Is(timestampRule()) }

// UUID asks for the form of a UUID. It is kept in lower case.
func (f *Value[T]) UUID() *Value[T] { return f.Is(uuidRule()) }

// Regex asks for a regular expression that the gateway can run.
func (f *Value[T]) Regex() *Value[T] { return f.Is(regexRule()) }

// StartsWith asks for a beginning.
func (f *Value[T]) StartsWith(prefix string) *Value[T] { return f.Is(startsWithRule(prefix)) }

// Contains asks for an element among texts.
func (f *Value[T]) Contains(value string) *Value[T] { return f.Is(containsRule(value)) }

// Match asks for a Lua pattern.
func (f *Value[T]) Match(pattern string) *Value[T] { return f.Is(Match(pattern)) }

// MatchAny asks for one of several Lua patterns.
func (f *Value[T]) MatchAny(message string, patterns ...string) *Value[T] {
	return f.Is(MatchAny(message, patterns...))
}

// MatchAll asks for a Lua pattern, with a message of its own.
func (f *Value[T]) MatchAll(message, pattern string) *Value[T] {
	return f.Is(matchAllRule(message, pattern))
}

// MatchNone refuses a Lua pattern.
func (f *Value[T]) MatchNone(message, pattern string) *Value[T] {
	return f.Is(matchNoneRule(message, pattern))
}

// Subsets lets the elements come from one of the sets only.
func (f *Value[T]) Subsets(sets ...[]string) *Value[T] { return f.Is(subsetsRule(sets)) }

// Check adds a rule of its own; the error's text is the message. It sees only
// values of the right type which pass the other rules.
func (f *Value[T]) Check(valid func(T) error) *Value[T] {
	return f.Is(Rule{rank: rankCheck, test: func(_, v any) string {
		var value T
		f.codec.fill(&value, v)
		if err := valid(value); err != nil {
			return err.Error()
		}
		return ""
	}})
}

// Expand makes the field a shorthand: it is input only, and what expand returns
// for its value replaces the fields of those names in the body. A shorthand may
// have the name of a field; then it also acts on the finished record.
func (f *Value[T]) Expand(expand func(any) map[string]any) *Value[T] {
	f.more().expand = expand
	return f
}

// Deprecated says what has taken the place of the field. Values under both
// names must agree.
func (f *Value[T]) Deprecated(d Deprecation) *Value[T] { f.more().deprecation = &d; return f }

// OnDelete says what becomes of the record when the one it refers to goes.
func (f *Value[T]) OnDelete(o OnDelete) *Value[T] { f.more().onDelete = o; return f }

// By names the unique fields of the parent that may stand for its id in bodies.
func (f *Value[T]) By(names ...string) *Value[T] { f.more().by = names; return f }

func (f *Value[T]) declared() *def { return &f.def }

func (f *Value[T]) defaultTree() any { return f.codec.tree(f.codec.clone(f.fallback)) }

func (f *Value[T]) put(tree any) {
	if f.null != nil {
		if *f.null = nil; tree != nil {
			*f.null = new(T)
			f.codec.fill(*f.null, tree)
		}
		return
	}
	if tree == nil {
		f.clear()
		return
	}
	f.codec.fill(f.p, tree)
}

// clear makes a value null that is never nil in Go; a nested record takes its
// defaults.
func (f *Value[T]) clear() {
	if sub, ok := f.codec.(interface{ reset() }); ok {
		sub.reset()
		return
	}
	var zero T
	*f.p = zero
}

func (f *Value[T]) tree() any {
	switch {
	case f.null == nil:
		return f.codec.tree(*f.p)
	case *f.null == nil:
		return nil
	}
	return f.codec.tree(**f.null)
}

func (f *Value[T]) load(s *scanner) {
	if s.null() {
		f.put(nil)
		return
	}
	p := f.p
	if f.null != nil {
		p = new(T)
		*f.null = p
	}
	f.codec.load(s, p)
}

func (f *Value[T]) reset() {
	switch {
	case f.null == nil && !f.is(hasDefault):
		f.clear()
	case f.null == nil:
		*f.p = f.codec.clone(f.fallback)
	case f.is(hasDefault):
		v := f.codec.clone(f.fallback)
		*f.null = &v
	default:
		*f.null = nil
	}
}

func (f *Value[T]) append(b []byte) []byte {
	if f.null == nil {
		return f.codec.append(b, *f.p)
	}
	if *f.null == nil {
		return append(b, "null"...)
	}
	return f.codec.append(b, **f.null)
}

// A Deprecation says what has taken the place of a field.
type Deprecation struct {
	ReplacedWith [][]string // paths: {{"redis", "host"}}
	Message      string
	RemovedIn    string // a version
	OldDefault   any    // what an earlier version had
}
