package decode

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// addTextFunctions adds the functions from strings to a string or bool that
// cty's standard library does not have.
func addTextFunctions(out map[string]function.Function) {
	one := map[string]func(string) (string, error){
		"base64encode": func(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil },
		"base64decode": func(s string) (string, error) {
			b, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				return "", errors.New("this is not base64")
			}
			if !utf8.Valid(b) {
				return "", errors.New("what the base64 stands for is not UTF-8, so it is no text")
			}
			return string(b), nil
		},
		"urlencode": func(s string) (string, error) { return url.QueryEscape(s), nil },
		"basename":  func(s string) (string, error) { return filepath.Base(s), nil },
		"dirname":   func(s string) (string, error) { return filepath.Dir(s), nil },
		"md5":       func(s string) (string, error) { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]), nil },
		"sha1":      func(s string) (string, error) { h := sha1.Sum([]byte(s)); return hex.EncodeToString(h[:]), nil },
		"sha256":    func(s string) (string, error) { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]), nil },
		"sha512":    func(s string) (string, error) { h := sha512.Sum512([]byte(s)); return hex.EncodeToString(h[:]), nil },
	}
	for name, f := range one {
		out[name] = function.New(&function.Spec{
			Params: []function.Parameter{{Name: "str", Type: cty.String}},
			Type:   function.StaticReturnType(cty.String),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				s, err := f(args[0].AsString())
				return cty.StringVal(s), err
			},
		})
	}
	two := map[string]func(a, b string) bool{
		"startswith":  strings.HasPrefix,
		"endswith":    strings.HasSuffix,
		"strcontains": strings.Contains,
	}
	for name, f := range two {
		out[name] = function.New(&function.Spec{
			Params: []function.Parameter{{Name: "str", Type: cty.String}, {Name: "part", Type: cty.String}},
			Type:   function.StaticReturnType(cty.Bool),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				return cty.BoolVal(f(args[0].AsString(), args[1].AsString())), nil
			},
		})
	}
	addBoolFunctions(out)
}

// lengthFunction counts the elements of what cty counts, the attributes of an
// object, as all instances of a block are, and the characters of a text.
var lengthFunction = function.New(&function.Spec{
	Params: []function.Parameter{{
		Name: "value", Type: cty.DynamicPseudoType,
		AllowDynamicType: true, AllowUnknown: true, AllowMarked: true,
	}},
	Type: func(args []cty.Value) (cty.Type, error) {
		if t := args[0].Type(); t == cty.String || t.IsObjectType() {
			return cty.Number, nil
		}
		t, err := stdlib.LengthFunc.ReturnTypeForValues(args)
		if err != nil {
			return t, errors.New("the value must be a list, a set, a map, an object or a text")
		}
		return t, nil
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		switch t := args[0].Type(); {
		case t == cty.String:
			return stdlib.StrlenFunc.Call(args)
		case t.IsObjectType():
			return cty.NumberIntVal(int64(len(t.AttributeTypes()))).WithSameMarks(args[0]), nil
		}
		return stdlib.LengthFunc.Call(args)
	},
})

// addBoolFunctions adds alltrue and anytrue.
func addBoolFunctions(out map[string]function.Function) {
	fold := func(start bool) function.Function {
		return function.New(&function.Spec{
			Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
			Type:   function.StaticReturnType(cty.Bool),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				unknown := false
				for it := args[0].ElementIterator(); it.Next(); {
					_, v := it.Element()
					switch {
					case !v.IsKnown():
						unknown = true
					case !v.IsNull() && v.True() != start, v.IsNull() && start:
						return cty.BoolVal(!start), nil
					}
				}
				if unknown {
					return cty.UnknownVal(cty.Bool), nil
				}
				return cty.BoolVal(start), nil
			},
		})
	}
	out["alltrue"] = fold(true)
	out["anytrue"] = fold(false)
}
