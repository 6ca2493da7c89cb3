// Renders a chart's templates as Helm does: Go's own text/template, with those of Helm's functions that Tendril's chart uses.
// Usage: chart TEMPLATE… <VALUES.json
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"
	"text/template"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	var values map[string]any
	must(json.NewDecoder(os.Stdin).Decode(&values))
	all := template.New("chart").Option("missingkey=error")
	all.Funcs(template.FuncMap{
		"dict":   func() map[string]any { return map[string]any{} },
		"list":   func(items ...any) []any { return items },
		"get": func(m map[string]any, key string) any {
			if value, has := m[key]; has {
				return value
			}
			return ""
		},
		"default": func(usual any, value any) any {
			if value == "" {
				return usual
			}
			return value
		},
		"dir":    path.Dir,
		"base":   path.Base,
		"hasKey": func(m map[string]any, key string) bool { _, has := m[key]; return has },
		"set":    func(m map[string]any, key string, value any) map[string]any { m[key] = value; return m },
		"quote":  func(value any) string { return fmt.Sprintf("%q", fmt.Sprint(value)) },
		"indent": func(n int, text string) string {
			pad := strings.Repeat(" ", n)
			return pad + strings.ReplaceAll(text, "\n", "\n"+pad)
		},
		"sha256sum": func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) },
		"toPrettyJson": func(value any) (string, error) {
			text, err := json.MarshalIndent(value, "", "  ")
			return string(text), err
		},
		"include": func(name string, data any) (string, error) {
			var out bytes.Buffer
			err := all.ExecuteTemplate(&out, name, data)
			return out.String(), err
		},
	})
	for _, file := range os.Args[1:] {
		text, err := os.ReadFile(file)
		must(err)
		_, err = all.New(file).Parse(string(text))
		must(err)
	}
	must(all.ExecuteTemplate(os.Stdout, os.Args[len(os.Args)-1], map[string]any{"Values": values}))
}
