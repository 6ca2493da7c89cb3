# Tendril's build. Every target installs what it needs: Debian packages by apt, the rest by npm.
SHELL := /bin/bash
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:

HOST_ARCH := $(shell uname -m | sed 's/x86_64/x64/;s/aarch64/arm64/')
# Of the image: x64 or arm64.
ARCH := $(HOST_ARCH)
NODE := node_modules/node-linux-$(HOST_ARCH)/bin/node
export PATH := $(CURDIR)/node_modules/node-linux-$(HOST_ARCH)/bin:$(CURDIR)/node_modules/.bin:$(PATH)

APT_BUILD := clang llvm libbpf-dev libc6-dev libmbedtls-dev make
APT_RUN := libbpf1 nftables bubblewrap iproute2 procps util-linux
# What containers of well-known images and the tests use.
APT_TOOLS := curl wget iputils-ping bind9-dnsutils netcat-openbsd tcpdump iperf3 busybox socat

TS_SOURCES := $(shell find src -name '*.ts' -not -name '*.test.ts' 2>/dev/null)
BPF_SOURCES := $(wildcard bpf/*.bpf.c)
BPF_OBJECTS := $(BPF_SOURCES:bpf/%.bpf.c=dist/bpf/%.bpf.o)
BPF_HEADERS := $(shell find bpf -name '*.h' 2>/dev/null)
NATIVE := $(patsubst native/%/,%,$(wildcard native/*/))
NATIVE_BINARIES := $(NATIVE:%=dist/native/%)

BPF_CFLAGS := -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Werror -Wno-unused-parameter \
	-Ibpf/include -Ibpf -I/usr/include/$(shell uname -m)-linux-gnu
NATIVE_CFLAGS := -O2 -static -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -ffunction-sections -Wl,--gc-sections -s

.PHONY: build lab image real-down test test-kernels test-external test-real test-real-short conformance check bench fuzz clean format deps real

build: dist/main.js $(BPF_OBJECTS) $(NATIVE_BINARIES) dist/busybox-bin/.made

dist/main.js: node_modules/.installed $(TS_SOURCES) scripts/bundle.ts scripts/third-party-notices.ts
	@$(NODE) scripts/bundle.ts

dist/bpf/%.bpf.o: bpf/%.bpf.c $(BPF_HEADERS) | dist/.apt
	@mkdir -p dist/bpf
	clang $(BPF_CFLAGS) -c $< -o $@
	@llvm-strip -g $@

# Second expansion: a wildcard that holds the target's stem can only be resolved once the stem is known.
.SECONDEXPANSION:
dist/native/%: $$(wildcard native/$$*/*.c native/$$*/*.h) | dist/.apt
	@mkdir -p dist/native
	clang $(NATIVE_CFLAGS) -o $@ $(filter %.c,$^) $(NATIVE_LIBRARIES_$*)

NATIVE_LIBRARIES_agnhost := -lmbedtls -lmbedx509 -lmbedcrypto

# They speak HTTP with the same code.
dist/native/agnhost: $(addprefix native/standin/,buffer.c chunks.c http.c buffer.h chunks.h http.h)

# It waits with the same loop.
dist/native/traffic: $(addprefix native/standin/,loop.c loop.h)

# Every applet, for containers of images that are a BusyBox.
dist/busybox-bin/.made: | dist/.apt
	@mkdir -p dist/busybox-bin
	@for applet in $$(busybox --list); do ln -sf /bin/busybox dist/busybox-bin/$$applet; done
	@touch $@

dist/.apt: Makefile
	@mkdir -p dist
	@scripts/apt-install $(APT_BUILD) $(APT_RUN) $(APT_TOOLS)
	@touch $@

node_modules/.installed: package.json package-lock.json
	@echo "installing npm packages"
	@npm ci --silent
	@touch $@

deps: dist/.apt node_modules/.installed

# An OCI archive for the runtimes of a real cluster's nodes: `ctr -n k8s.io images import`. `ARCH=arm64` for such nodes.
image: build $(if $(filter-out $(HOST_ARCH),$(ARCH)),dist/$(ARCH)/native/cni-shim)
	@$(NODE) scripts/image/main.ts $(ARCH)

# Programs for another machine than this one. Its BPF objects are the same: they know no machine but the kernel's.
TRIPLET_x64 := x86_64-linux-gnu
TRIPLET_arm64 := aarch64-linux-gnu
APT_CROSS_x64 := libc6-dev-amd64-cross libgcc-12-dev-amd64-cross binutils-x86-64-linux-gnu
APT_CROSS_arm64 := libc6-dev-arm64-cross libgcc-12-dev-arm64-cross binutils-aarch64-linux-gnu

dist/$(ARCH)/native/%: $$(wildcard native/$$*/*.c native/$$*/*.h) | dist/.apt
	@mkdir -p $(@D)
	@scripts/apt-install $(APT_CROSS_$(ARCH))
	clang --target=$(TRIPLET_$(ARCH)) $(NATIVE_CFLAGS) -o $@ $(filter %.c,$^)

lab: build
	@scripts/lab

check: node_modules/.installed
	@biome check --error-on-warnings .
	@tsc --noEmit
	@vitest run --project unit

format: node_modules/.installed
	@biome check --write .

test: build check
	@vitest run --project root
	@$(MAKE) --no-print-directory test-real-short

# On the oldest kernel and another, emulated: some minutes. `KERNEL=6.1` for one of them, `TESTS=…` for other files.
test-kernels: build
	@$(NODE) tests/kernels/main.ts $(KERNEL) $(TESTS)

# The same checks as of the lab's own control plane, on kube-apiserver and its controllers (docs/external-control-plane.md).
EXTERNAL_TESTS := $(patsubst %,tests/e2e/%.test.ts,external traffic families applications kubectl-admission differential)

test-external: build
	@if ! command -v go >/dev/null; then \
	  echo "skipped: $(words $(EXTERNAL_TESTS)) files, $(EXTERNAL_TESTS): kube-apiserver is built with Go, which is not on PATH"; \
	else tests/real/control-plane build && \
	  TENDRIL_TEST_CONTROL_PLANE=real vitest run --project root --hookTimeout 300000 --testTimeout 180000 $(or $(TESTS),$(EXTERNAL_TESTS)); fi

# A cluster of Kubernetes' own programs on this machine, with Tendril as its only network (docs/real-cluster.md); `NETWORK=usual` or
# `NETWORK=none` for another or no network.
real: image
	@$(NODE) tests/real/cluster/main.ts up --network $(or $(NETWORK),tendril) --proxy-mode $(or $(PROXY_MODE),nftables)

real-down:
	@$(NODE) tests/real/cluster/main.ts down

# First what only a real cluster has, then the end-to-end scenarios that labs have too (tests/e2e/support/where-files-run.ts).
test-real: image
	@if ! command -v go >/dev/null && [ ! -x .cache/real/runc ]; then \
	  echo "skipped: tests/real: Kubernetes and containerd are built with Go 1.26 or newer, which is not on PATH (https://go.dev/dl)"; \
	else status=0; \
	  vitest run --project real $(TESTS) || status=1; \
	  [ -n "$(TESTS)" ] || vitest run --project scenarios || status=1; \
	  exit $$status; fi

# What of it `make test` runs: some minutes, once its programs are built, for which it has a quarter of an hour.
SHORT_REAL_TESTS := tests/real/network.real.test.ts

test-real-short: image
	@if ! command -v go >/dev/null && [ ! -x .cache/real/runc ]; then \
	  echo "skipped: $(SHORT_REAL_TESTS): Kubernetes and containerd are built with Go 1.26 or newer, which is not on PATH (https://go.dev/dl)"; \
	elif ! scripts/overlay-works .cache/real; then \
	  echo "skipped: $(SHORT_REAL_TESTS): containerd can make no overlay below .cache/real, which lies on one itself, or without root"; \
	elif ! timeout 900 $(NODE) tests/real/cluster/main.ts build --network tendril; then \
	  echo "skipped: $(SHORT_REAL_TESTS): Kubernetes' programs could not be built within 15 minutes: scripts/node tests/real/cluster/main.ts build"; \
	else vitest run --project real $(SHORT_REAL_TESTS); fi

# Kubernetes' own network specs on that cluster (docs/conformance.md): SPECS=network for more of them, FOCUS='a regexp',
# PROCS at a time, NETWORK=usual to compare.
conformance: image
	@if ! command -v go >/dev/null && [ ! -x .cache/control-plane/e2e.test ]; then \
	  echo "skipped: conformance: Kubernetes and its tests are built with Go 1.26 or newer, which is not on PATH (https://go.dev/dl)"; \
	else $(NODE) tests/real/conformance/main.ts --specs $(or $(SPECS),conformance) --procs $(or $(PROCS),6) \
	  --network $(or $(NETWORK),tendril) $(if $(FOCUS),--focus '$(FOCUS)'); fi

bench: build
	@npm run --silent bench

fuzz: build
	@vitest run --project fuzz

clean:
	rm -rf dist node_modules
