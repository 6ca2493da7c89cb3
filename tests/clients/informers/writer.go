package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// writer changes objects that nobody else changes, and knows of each what the server has answered last: the version,
// 0 for one that is not there. Of those whose last write was not answered it knows nothing.
type writer struct {
	client   typedv1.ConfigMapInterface
	names    []string
	answered map[string]uint64
	written  int
	failed   int
	failure  error
	fault    string
}

func (w *writer) write(ctx context.Context, name string) {
	known, sure := w.answered[name]
	var after uint64
	var err error
	payload := map[string]string{"at": strconv.FormatInt(time.Now().UnixNano(), 10), "filling": filling(*bytes)}
	switch {
	case sure && known == 0:
		created := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labelsOf(name)}, Data: payload}
		if created, err = w.client.Create(ctx, created, metav1.CreateOptions{}); err == nil {
			after = version(created)
		}
	case sure && rand.IntN(10) == 0:
		err = w.client.Delete(ctx, name, metav1.DeleteOptions{})
	default:
		var patched *corev1.ConfigMap
		patch := must(json.Marshal(map[string]any{"data": payload}))
		if patched, err = w.client.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{}); err == nil {
			after = version(patched)
		}
	}
	if sure && known != 0 && apierrors.IsNotFound(err) || sure && known == 0 && apierrors.IsAlreadyExists(err) {
		w.fault = fmt.Sprintf("a write of %s that was answered is not there: %v", name, err)
	}
	w.note(name, after, err)
}

func (w *writer) note(name string, after uint64, err error) {
	switch {
	case err == nil || apierrors.IsNotFound(err):
		w.answered[name] = after
		w.written++
	default:
		delete(w.answered, name)
		w.failed++
		w.failure = err
	}
}

func (w *writer) change(ctx context.Context, every time.Duration) {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			w.write(context.Background(), w.names[rand.IntN(len(w.names))])
		}
	}
}

// lost says which answered write a list does not have.
func (w *writer) lost(list map[string]*corev1.ConfigMap) string {
	for name, answered := range w.answered {
		var listed uint64
		if object := list[name]; object != nil {
			listed = version(object)
		}
		if listed != answered {
			return fmt.Sprintf("%s is at %d, and the last write was answered %d", name, listed, answered)
		}
	}
	return ""
}

func filling(size int) string {
	return strings.Repeat(string(rune('a'+rand.IntN(26))), size)
}

func labelsOf(name string) map[string]string {
	if name[len(name)-1]%2 == 1 {
		return map[string]string{"half": "odd"}
	}
	return map[string]string{"half": "even"}
}

func inParallel(all []*writer, run func(*writer)) {
	var group sync.WaitGroup
	for _, w := range all {
		group.Go(func() { run(w) })
	}
	group.Wait()
}

func newWriters(config *rest.Config) []*writer {
	var all []*writer
	client := kubernetes.NewForConfigOrDie(config).CoreV1().ConfigMaps(namespace)
	for i := range writers {
		w := &writer{client: client, answered: map[string]uint64{}}
		for n := i; n < *objects; n += writers {
			w.names = append(w.names, fmt.Sprintf("object-%05d", n))
			w.answered[w.names[len(w.names)-1]] = 0
		}
		all = append(all, w)
	}
	return all
}
