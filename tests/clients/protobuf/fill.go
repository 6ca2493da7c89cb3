package main

import (
	"fmt"
	"time"

	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"
)

var filler *randfill.Filler

func one[T any](c randfill.Continue, of ...T) T { return of[c.Intn(len(of))] }

func momentOf(c randfill.Continue) time.Time {
	if c.Intn(4) == 0 {
		return time.Time{}
	}
	return time.Unix(c.Int63n(300_000_000_000)-60_000_000_000, c.Int63n(1_000_000)*1000)
}

func jsonOf(c randfill.Continue) []byte {
	return []byte(one(c, `{"a":[1,2.5,"x",null,true],"b":{}}`, `[]`, `"é"`, `7`, `{"":{"k":"v"}}`))
}

func schemaOf(c randfill.Continue) *apiextensions.JSONSchemaProps {
	return &apiextensions.JSONSchemaProps{Type: one(c, "string", ""), Nullable: c.Bool(), Required: []string{"a"}}
}

// Of what stands in JSON for one of several fields, the others are as they are when it is read from there.
func seed(seed int64) {
	filler = randfill.NewWithSeed(seed).NilChance(0.5).NumElements(1, 2).MaxDepth(12).Funcs(
		func(*metav1.TypeMeta, randfill.Continue) {},
		func(s *string, c randfill.Continue) {
			*s = one(c, "", "web", "a/b", "a longer text, of more than sixty-four letters, as messages and annotations are",
				"große Straße", "日本語", fmt.Sprint(c.Intn(1000)))
		},
		// As large as a number in JavaScript can tell.
		func(i *int64, c randfill.Continue) { *i = (c.Int63() - 1<<62) >> (10 + c.Intn(53)) },
		func(t *metav1.Time, c randfill.Continue) { t.Time = momentOf(c).Truncate(time.Second) },
		func(t *metav1.MicroTime, c randfill.Continue) { t.Time = momentOf(c) },
		func(q *resource.Quantity, c randfill.Continue) {
			*q = resource.MustParse(one(c, "0", "100m", "1Gi", "1500m", "-5", "123456789012", "2e3", "0.5"))
		},
		func(x *intstr.IntOrString, c randfill.Continue) {
			*x = one(c, intstr.FromInt32(c.Int31()-1<<30), intstr.FromString("http"), intstr.FromInt32(0))
		},
		// None at all is null in JSON and a list without anything in protobuf.
		func(v *authentication.ExtraValue, c randfill.Continue) { *v = []string{"a", ""}[:c.Intn(2)+1] },
		func(v *authorization.ExtraValue, c randfill.Continue) { *v = []string{"a", ""}[:c.Intn(2)+1] },
		func(r *runtime.RawExtension, c randfill.Continue) { r.Raw = jsonOf(c) },
		func(f *metav1.FieldsV1, c randfill.Continue) { f.Raw = []byte(`{"f:spec":{"f:a":{}}}`) },
		func(j *apiextensions.JSON, c randfill.Continue) { j.Raw = jsonOf(c) },
		func(s *apiextensions.JSONSchemaPropsOrArray, c randfill.Continue) {
			if c.Bool() {
				s.Schema = schemaOf(c)
			} else {
				s.JSONSchemas = []apiextensions.JSONSchemaProps{*schemaOf(c), *schemaOf(c)}
			}
		},
		func(s *apiextensions.JSONSchemaPropsOrBool, c randfill.Continue) {
			if s.Allows = c.Bool(); s.Allows && c.Bool() {
				s.Schema = schemaOf(c)
			}
		},
		func(s *apiextensions.JSONSchemaPropsOrStringArray, c randfill.Continue) {
			if c.Bool() {
				s.Schema = schemaOf(c)
			} else {
				s.Property = []string{"a", "b"}
			}
		},
	)
}

func fill(object any) { filler.Fill(object) }
