// A program that keeps caches of ConfigMaps as controllers made with client-go do, changes the objects meanwhile, and
// compares: each cache with a fresh list, every event with those before it, and the list with what its writes were
// answered. Of three caches one has all objects, one those with a label, and one reads from a connection that takes
// nothing for most of the time.
//
//	informers -objects 20000 -rate 500 -for 60s -bytes 2000
//
// It writes `a third` after each third of the changes but the last, and at the end one line of JSON, a report. What
// does not hold is in its faults.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	objects  = flag.Int("objects", 20000, "how many there are, about")
	rate     = flag.Int("rate", 500, "changes a second")
	duration = flag.Duration("for", time.Minute, "how long they are changed")
	bytes    = flag.Int("bytes", 2000, "of data in each")
)

const (
	namespace = "default"
	writers   = 32
	oddOnly   = "half=odd"
	// For caches to have what the last list has.
	settleWithin = time.Minute
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(125)
	}
	return value
}

func version(object metav1.Object) uint64 {
	return must(strconv.ParseUint(object.GetResourceVersion(), 10, 64))
}

// listAll takes pages of the given size, or all at once.
func listAll(client typedv1.ConfigMapInterface, page int64) map[string]*corev1.ConfigMap {
	found := map[string]*corev1.ConfigMap{}
	options := metav1.ListOptions{Limit: page}
	for {
		list := must(client.List(context.Background(), options))
		for i := range list.Items {
			list.Items[i].TypeMeta = metav1.TypeMeta{}
			found[list.Items[i].Name] = &list.Items[i]
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return found
		}
	}
}

type report struct {
	Objects, Written, Failed int
	FillSeconds, PerSecond   float64
	ListedMs, SettledMs      int64
	Failure                  string
	Followers                []*follower
	Faults                   []string
}

func main() {
	flag.Parse()
	config := must(clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG")))
	config.QPS = -1
	config.ContentType = "application/json"
	all := newWriters(config)
	began := time.Now()
	inParallel(all, func(w *writer) {
		for _, name := range w.names {
			w.write(context.Background(), name)
		}
	})
	result := report{FillSeconds: time.Since(began).Seconds()}

	slow, stalled := newGate(), rest.CopyConfig(config)
	stalled.Dial = slow.dial
	result.Followers = []*follower{
		newFollower("all", config, ""), newFollower("odd", config, oddOnly), newFollower("slow", stalled, ""),
	}
	for _, f := range result.Followers {
		go f.informer.Run(context.Background().Done())
		cache.WaitForCacheSync(nil, f.informer.HasSynced)
	}
	for third := range time.Duration(2) {
		time.AfterFunc(*duration*(third+1)/3, func() { fmt.Println("a third") })
	}
	time.AfterFunc(*duration/4, func() { slow.set(true) })
	time.AfterFunc(*duration*7/8, func() { slow.set(false) })
	ctx, cancel := context.WithTimeout(context.Background(), *duration)
	defer cancel()
	inParallel(all, func(w *writer) { w.change(ctx, time.Second*writers/time.Duration(*rate)) })
	result.compare(all, listerOf(config))
	must(0, json.NewEncoder(os.Stdout).Encode(result))
}

func listerOf(config *rest.Config) typedv1.ConfigMapInterface {
	return kubernetes.NewForConfigOrDie(config).CoreV1().ConfigMaps(namespace)
}

func (r *report) compare(all []*writer, client typedv1.ConfigMapInterface) {
	stopped := time.Now()
	list := listAll(client, 0)
	r.Objects = len(list)
	if paged := listAll(client, 500); !equality.Semantic.DeepEqual(paged, list) {
		r.Faults = append(r.Faults, "pages are not what the whole list is")
	}
	r.ListedMs = time.Since(stopped).Milliseconds()
	for _, w := range all {
		r.Written += w.written
		r.Failed += w.failed
		if w.failure != nil {
			r.Failure = w.failure.Error()
		}
		for _, fault := range []string{w.fault, w.lost(list)} {
			if fault != "" {
				r.Faults = append(r.Faults, fault)
			}
		}
	}
	r.PerSecond = float64(r.Written-*objects) / duration.Seconds()
	for _, f := range r.Followers {
		difference := f.differs(list)
		for difference != "" && time.Since(stopped) < settleWithin {
			time.Sleep(20 * time.Millisecond)
			difference = f.differs(list)
		}
		if difference != "" {
			f.fault("%s", difference)
		}
		f.settle()
		r.Faults = append(r.Faults, f.faults...)
	}
	r.SettledMs = time.Since(stopped).Milliseconds()
}
