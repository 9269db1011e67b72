package decode

import (
	"strings"
	"sync"
)

// Function is a function of the language, as the reference lists it.
type Function struct {
	Name string
	Call string // how it is called; what follows ? may be left out
	Doc  string
}

// Functions lists the functions of the language, in order of name. The caller
// may keep the result but not change it.
var Functions = sync.OnceValue(func() []Function {
	var out []Function
	for line := range strings.Lines(functionTable) {
		call, doc, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(call, "(")
		out = append(out, Function{Name: name, Call: call, Doc: doc})
	}
	return out
})

// functionNames are the names of all functions, sorted.
var functionNames = sync.OnceValue(func() []string {
	var out []string
	for _, f := range Functions() {
		out = append(out, f.Name)
	}
	return out
})

// functionTable has a line for each function: how it is called, and what it
// gives.
const functionTable = `
abs(number): The number without its sign.
alltrue(list): Whether all elements are true; so is an empty list.
anytrue(list): Whether some element is true.
base64decode(text): The text that Base64 stands for.
base64encode(text): The text in Base64.
basename(path): The last part of a path.
can(expression): Whether the expression can be evaluated.
ceil(number): The number rounded up.
chomp(text): The text without the line ends behind it.
chunklist(list, size): The list in lists of at most that size.
coalesce(value…): The first value that is not null.
coalescelist(list…): The first list that is not empty.
compact(list): The list without empty strings and nulls.
concat(list…): All lists in one.
contains(list, value): Whether a list or set has the value.
csvdecode(text): A list with one object per row, the first row naming the columns.
dirname(path): The path without its last part.
distinct(list): The list without repeats.
element(list, index): The element at the index, beginning anew behind the end.
endswith(text, part): Whether the text ends in the part.
env(name, ?default): A variable of the environment that the command was given in; one that is not set is an error, unless there is a default, which may be null. Sensitive where the name has PASS, SECRET, TOKEN, KEY, DSN, WEBHOOK or DATABASE_URL in it.
file(path): The text of a file.
fileexists(path): Whether there is a file.
flatten(list): The list with the elements of the lists inside of it in their place.
floor(number): The number rounded down.
format(pattern, value…): The pattern with values in place of %s, %d, %q and the other verbs.
formatdate(pattern, time): A time of RFC 3339 by a pattern such as "YYYY-MM-DD hh:mm".
formatlist(pattern, list…): What format gives for each element.
hasindex(collection, key): Whether the collection has an element there.
indent(spaces, text): The text with spaces behind each line end.
int(number): The number without its fraction.
issensitive(value): Whether the value is kept out of everything that is printed.
join(separator, list…): All elements with the separator between.
jsondecode(text): What a JSON text says.
jsonencode(value): The value as JSON.
keys(map): The keys, sorted.
length(value): How many elements or attributes there are, or characters of a text.
log(number, base): The logarithm.
lookup(map, key, default): The element with that key, or the default.
lower(text): The text in small letters.
max(number…): The largest.
md5(text): The MD5 sum in hexadecimal.
merge(map…): All maps in one; of one key the last counts.
min(number…): The smallest.
nonsensitive(value): The value, which may be shown then.
parseint(text, base): The whole number that the text says.
pow(number, exponent): The power.
range(?start, limit, ?step): The numbers from start, or 0, up to before the limit, of which there may be 1,024.
regex(pattern, text): What the regular expression finds first: the match, or its groups; an error where it finds nothing.
regexall(pattern, text): All that the regular expression finds.
regexreplace(text, pattern, with): The text with each match replaced; $1 is a group.
replace(text, part, with): The text with each occurrence of the part replaced.
reverse(list): The list backwards.
sensitive(value): The value, kept out of everything that is printed.
setintersection(set…): What all sets have.
setproduct(set…): All combinations of an element of each.
setsubtract(set, other): What the other does not have.
setunion(set…): What some set has.
sha1(text): The SHA-1 sum in hexadecimal.
sha256(text): The SHA-256 sum in hexadecimal.
sha512(text): The SHA-512 sum in hexadecimal.
signum(number): -1, 0 or 1 by the sign.
slice(list, start, end): The elements from start up to before end.
sort(list): The strings in order.
split(separator, text): The parts between the separators.
startswith(text, part): Whether the text begins with the part.
strcontains(text, part): Whether the part stands in the text.
strlen(text): How many characters there are.
strrev(text): The text backwards.
substr(text, offset, length): A part of the text; a negative offset counts from its end.
templatefile(path, values): The text of a file, rendered as a template with the values of a map.
timeadd(time, duration): The time of RFC 3339 so much later, by a duration such as "1h30m".
title(text): The text with each word's first letter large.
tobool(value): The value as a bool.
tolist(value): The value as a list, whose elements have one type.
tomap(value): The value as a map, whose elements have one type.
tonumber(value): The value as a number.
toset(value): The value as a set: sorted, without repeats.
tostring(value): The value as a string.
trim(text, characters): The text without these characters at both ends.
trimprefix(text, part): The text without the part before it.
trimspace(text): The text without white space at both ends.
trimsuffix(text, part): The text without the part behind it.
try(expression…): The first expression that can be evaluated.
upper(text): The text in capital letters.
urlencode(text): The text as it stands in the query of a URL.
values(map): The elements, in order of their keys.
yamldecode(text): What a YAML text says, by YAML 1.1: y, n, yes, no, on and off are bools there, keys too, unless they stand in quotes.
yamlencode(value): The value as YAML.
zipmap(keys, values): A map of two lists.
`
