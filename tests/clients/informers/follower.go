package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// follower is a cache and what its events, taken together, say that there is.
type follower struct {
	Name string `json:"name"`
	// Requests, and watches that were refused or ended because their version was too old.
	Lists, Watches, Expired  int
	Added, Changed, Removed  int
	LagP50, LagP99, LagWorst float64
	informer                 cache.SharedIndexInformer
	selects                  func(*corev1.ConfigMap) bool
	mutex                    sync.Mutex
	versions                 map[string]uint64
	lags                     []float64
	faults                   []string
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func newFollower(name string, config *rest.Config, selector string) *follower {
	f := &follower{Name: name, versions: map[string]uint64{}}
	f.selects = func(object *corev1.ConfigMap) bool { return selector == "" || object.Labels["half"] == "odd" }
	own := rest.CopyConfig(config)
	own.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			f.mutex.Lock()
			if request.URL.Query().Has("watch") {
				f.Watches++
			} else {
				f.Lists++
			}
			f.mutex.Unlock()
			return next.RoundTrip(request)
		})
	})
	factory := informers.NewSharedInformerFactoryWithOptions(kubernetes.NewForConfigOrDie(own), 0,
		informers.WithNamespace(namespace),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.LabelSelector = selector }))
	f.informer = factory.Core().V1().ConfigMaps().Informer()
	// Lists say of what kind each object is, watches do not once they are decoded.
	must(0, f.informer.SetTransform(func(object any) (any, error) {
		if object, ok := object.(*corev1.ConfigMap); ok {
			object.TypeMeta = metav1.TypeMeta{}
		}
		return object, nil
	}))
	must(0, f.informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) {
		f.mutex.Lock()
		defer f.mutex.Unlock()
		if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
			f.Expired++
		}
	}))
	must(f.informer.AddEventHandler(f))
	return f
}

func (f *follower) fault(format string, arguments ...any) {
	f.faults = append(f.faults, f.Name+": "+fmt.Sprintf(format, arguments...))
}

func (f *follower) OnAdd(object any, _ bool) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	added := object.(*corev1.ConfigMap)
	if _, there := f.versions[added.Name]; there {
		f.fault("%s was added twice", added.Name)
	}
	f.Added++
	f.versions[added.Name] = version(added)
}

func (f *follower) OnUpdate(before, after any) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	old, changed := before.(*corev1.ConfigMap), after.(*corev1.ConfigMap)
	was, is := version(old), version(changed)
	if f.versions[changed.Name] != was || is < was {
		f.fault("%s went from %d to %d, and was at %d", changed.Name, was, is, f.versions[changed.Name])
	}
	f.Changed++
	f.versions[changed.Name] = is
	if at, err := strconv.ParseInt(changed.Data["at"], 10, 64); err == nil && is != was {
		f.lags = append(f.lags, time.Since(time.Unix(0, at)).Seconds()*1000)
	}
}

func (f *follower) OnDelete(object any) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	name := must(cache.DeletionHandlingObjectToName(object)).Name
	if _, there := f.versions[name]; !there {
		f.fault("%s was removed, and was not there", name)
	}
	f.Removed++
	delete(f.versions, name)
}

// differs says in what a cache, and what its events told, is not as a list is.
func (f *follower) differs(list map[string]*corev1.ConfigMap) string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	wanted := 0
	for name, object := range list {
		if !f.selects(object) {
			continue
		}
		wanted++
		cached, there, _ := f.informer.GetStore().GetByKey(namespace + "/" + name)
		if !there || !equality.Semantic.DeepEqual(cached, object) {
			return "another " + name
		}
		if f.versions[name] != version(object) {
			return "no event for the last change of " + name
		}
	}
	if kept := len(f.informer.GetStore().ListKeys()); kept != wanted || len(f.versions) != wanted {
		return fmt.Sprintf("%d and %d objects, not %d", kept, len(f.versions), wanted)
	}
	return ""
}

func (f *follower) settle() {
	slices.Sort(f.lags)
	if n := len(f.lags); n > 0 {
		f.LagP50, f.LagP99, f.LagWorst = f.lags[n/2], f.lags[n*99/100], f.lags[n-1]
	}
}
