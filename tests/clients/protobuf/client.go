package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	namespace = "default"
	objects   = 200
	// For caches to have what was written last.
	settleWithin = 20 * time.Second
)

var ctx = context.Background()

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// An answer in anything else ends the program.
func inProtobufOnly(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		answer, err := next.RoundTrip(request)
		if err == nil && !strings.HasPrefix(answer.Header.Get("Content-Type"), runtime.ContentTypeProtobuf) {
			err = fmt.Errorf("%s %s is answered in %s", request.Method, request.URL, answer.Header.Get("Content-Type"))
		}
		return answer, err
	})
}

func expect(holds bool, format string, arguments ...any) {
	if !holds {
		fmt.Fprintf(os.Stderr, format+"\n", arguments...)
		os.Exit(1)
	}
}

func useServer() {
	config := must(clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG")))
	config.QPS = -1
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf
	config.Wrap(inProtobufOnly)
	client := kubernetes.NewForConfigOrDie(config)
	keepCaches(client)
	fmt.Println("caches")
	scaleWorkloads(client)
	fmt.Println("workloads")
	handlePods(client)
	fmt.Println("pods")
	askReviews(client)
	fmt.Println("reviews")
	meetErrors(client)
	fmt.Println("errors")
	defineKind(config)
	fmt.Println("definitions")
}

func keepCaches(client kubernetes.Interface) {
	factory := informers.NewSharedInformerFactory(client, 0)
	cached := factory.Core().V1().ConfigMaps()
	cached.Informer()
	factory.Start(ctx.Done())
	cache.WaitForCacheSync(ctx.Done(), cached.Informer().HasSynced)
	maps := client.CoreV1().ConfigMaps(namespace)
	for i := range objects {
		object := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("object-%d", i), Labels: map[string]string{"of": "protobuf"}},
			Data:       map[string]string{"text": "ü"}, BinaryData: map[string][]byte{"bytes": {0, 255}},
		}
		made := must(maps.Create(ctx, object, metav1.CreateOptions{}))
		switch i % 4 {
		case 1:
			made.Data["more"] = ""
			must(maps.Update(ctx, made, metav1.UpdateOptions{}))
		case 2:
			patch := []byte(`{"data":{"text":null}}`)
			must(maps.Patch(ctx, made.Name, types.MergePatchType, patch, metav1.PatchOptions{}))
		case 3:
			uid := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(made.UID))}
			must(0, maps.Delete(ctx, made.Name, uid))
		}
	}
	ours := labels.SelectorFromSet(labels.Set{"of": "protobuf"})
	list := must(maps.List(ctx, metav1.ListOptions{LabelSelector: ours.String()}))
	expect(len(list.Items) == objects*3/4, "%d objects", len(list.Items))
	must(0, wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, settleWithin, true, func(context.Context) (bool, error) {
		found := must(cached.Lister().List(ours))
		for _, object := range list.Items {
			known, _ := cached.Lister().ConfigMaps(namespace).Get(object.Name)
			if !equality.Semantic.DeepEqual(known, &object) {
				return false, nil
			}
		}
		return len(found) == len(list.Items), nil
	}))
	must(0, maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: ours.String()}))
}

func podOf(name string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "nginx"}}},
	}
}

func scaleWorkloads(client kubernetes.Interface) {
	deployments := client.AppsV1().Deployments(namespace)
	none := int32(0)
	made := must(deployments.Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &none, Template: podOf("web"),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		},
	}, metav1.CreateOptions{}))
	expect(*made.Spec.Replicas == 0, "none became %d", *made.Spec.Replicas)
	expect(made.Spec.Strategy.RollingUpdate.MaxSurge.StrVal == "25%", "not its defaults: %v", made.Spec.Strategy)
	scale := must(deployments.GetScale(ctx, "web", metav1.GetOptions{}))
	scale.Spec.Replicas = 3
	must(deployments.UpdateScale(ctx, "web", scale, metav1.UpdateOptions{}))
	scaled := must(deployments.Get(ctx, "web", metav1.GetOptions{}))
	expect(*scaled.Spec.Replicas == 3, "scaled to %d", *scaled.Spec.Replicas)
	scaled.Status.ReadyReplicas, scaled.Status.Replicas = 1, 1
	told := must(deployments.UpdateStatus(ctx, scaled, metav1.UpdateOptions{}))
	expect(told.Status.ReadyReplicas == 1, "the status is %v", told.Status)
	foreground := metav1.DeletePropagationForeground
	must(0, deployments.Delete(ctx, "web", metav1.DeleteOptions{PropagationPolicy: &foreground}))
}

func handlePods(client kubernetes.Interface) {
	pods := client.CoreV1().Pods(namespace)
	must(client.CoreV1().Nodes().Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}, metav1.CreateOptions{}))
	template := podOf("p")
	must(pods.Create(ctx, &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}, metav1.CreateOptions{}))
	binding := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Target: corev1.ObjectReference{Kind: "Node", Name: "n"}}
	must(0, pods.Bind(ctx, binding, metav1.CreateOptions{}))
	bound := must(pods.Get(ctx, "p", metav1.GetOptions{}))
	expect(bound.Spec.NodeName == "n", "bound to %q", bound.Spec.NodeName)
	now := int64(0)
	must(0, pods.EvictV1(ctx, &policyv1.Eviction{
		ObjectMeta: metav1.ObjectMeta{Name: "p"}, DeleteOptions: &metav1.DeleteOptions{GracePeriodSeconds: &now},
	}))
	_, err := pods.Get(ctx, "p", metav1.GetOptions{})
	expect(apierrors.IsNotFound(err), "an evicted pod: %v", err)
}

func askReviews(client kubernetes.Interface) {
	access := &authorization.SelfSubjectAccessReview{Spec: authorization.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorization.ResourceAttributes{Verb: "create", Resource: "pods"},
	}}
	asked := must(client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, access, metav1.CreateOptions{}))
	expect(asked.Status.Allowed, "not allowed: %v", asked.Status)
	self := must(client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authentication.SelfSubjectReview{}, metav1.CreateOptions{}))
	expect(self.Status.UserInfo.Username != "", "nobody")
	seconds := int64(3600)
	account := must(client.CoreV1().ServiceAccounts(namespace).Create(ctx,
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}, metav1.CreateOptions{}))
	wish := &authentication.TokenRequest{Spec: authentication.TokenRequestSpec{ExpirationSeconds: &seconds}}
	token := must(client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, account.Name, wish, metav1.CreateOptions{}))
	expect(token.Status.Token != "" && time.Until(token.Status.ExpirationTimestamp.Time) > 50*time.Minute, "no token")
}

func meetErrors(client kubernetes.Interface) {
	secrets := client.CoreV1().Secrets(namespace)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: map[string][]byte{"k": []byte("v")}}
	first := must(secrets.Create(ctx, secret, metav1.CreateOptions{}))
	_, err := secrets.Create(ctx, secret, metav1.CreateOptions{})
	expect(apierrors.IsAlreadyExists(err), "twice: %v", err)
	changed := first.DeepCopy()
	changed.Data["k"] = nil
	must(secrets.Update(ctx, changed, metav1.UpdateOptions{}))
	_, err = secrets.Update(ctx, first, metav1.UpdateOptions{})
	expect(apierrors.IsConflict(err), "stale: %v", err)
	_, err = secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "Not a name"}}, metav1.CreateOptions{})
	expect(apierrors.IsInvalid(err), "a bad name: %v", err)
}
