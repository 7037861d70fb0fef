# podrun: `make help` lists the targets. On a fresh Debian 12 or later, as root, `make demo` and `make test` do all the set-up.

PREFIX ?= /usr/local
DESTDIR ?=

BUILD_PACKAGES := ca-certificates g++ make python3 libseccomp-dev rapidjson-dev libisal-dev libzstd-dev busybox-static
TEST_PACKAGES := docker-registry skopeo openssl qemu-system-x86 linux-image-amd64 kmod cpio xz-utils zstd nftables iproute2 procps \
	strace clang-format

BUNDLE := dist/podrun.cjs
NATIVE := build/Release/podrun.node build/Release/podrun-sandbox
STARTER := rootfs-cache/starter/index.json
NATIVE_SOURCES := binding.gyp $(shell find native -name '*.cc' -o -name '*.h')
TS_SOURCES := tsconfig.json $(shell find src -name '*.ts') $(wildcard build-tools/*.mjs)

# Headers that came with this very Node.js, where they are; node-gyp downloads them otherwise.
NODE_PREFIX = $(shell node -p "path.dirname(path.dirname(process.execPath))")
NODEDIR = $(if $(wildcard $(NODE_PREFIX)/include/node/node.h),--nodedir=$(NODE_PREFIX))

export JOBS ?= max

.PHONY: help demo build test test-unit test-root test-vm checks lint format bench install uninstall clean clean-test packages test-packages
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s%s\n", $$1, $$2 }'

demo: packages ## install what is missing, build, and run examples/hello.yaml
	@$(MAKE) --no-print-directory -s build
	bin/podrun run examples/hello.yaml

build: node_modules/.package-lock.json $(NATIVE) $(STARTER) $(BUNDLE) ## build the addon, podrun-sandbox and the TypeScript

test: packages test-packages ## install what tests need and run every ring: checks, unit, root, vm
	@$(MAKE) --no-print-directory -s build
	@node test/tools/all.mjs

test-unit: node_modules/.package-lock.json ## tests that need neither root nor network (T="FILE..." for some)
	@node test/tools/ring.mjs unit $(T)

test-root: build ## tests that need root (T="FILE..." for some)
	@node test/tools/ring.mjs root $(T)

test-vm: build ## root tests on cgroup v2, in an emulated machine (T="FILE..." for some)
	@node test/vm/ring.mjs $(T)

lint: node_modules/.package-lock.json ## check formatting, lint and types
	@node test/tools/checks.mjs

format: node_modules/.package-lock.json ## format everything
	npx biome check --write .
	find native -name '*.cc' -o -name '*.h' | xargs clang-format --style=file -i

bench: build ## measure podrun beside its peers
	@node bench/run.mjs

install: build ## install to PREFIX (/usr/local), below DESTDIR if set
	rm -rf "$(DESTDIR)$(PREFIX)/lib/podrun"
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/lib/podrun/bin" "$(DESTDIR)$(PREFIX)/lib/podrun/dist" \
		"$(DESTDIR)$(PREFIX)/lib/podrun/build/Release" "$(DESTDIR)$(PREFIX)/lib/podrun/rootfs-cache"
	install -m 755 bin/podrun "$(DESTDIR)$(PREFIX)/lib/podrun/bin"
	install -m 644 bin/package.json "$(DESTDIR)$(PREFIX)/lib/podrun/bin"
	install -m 644 package.json LICENSE "$(DESTDIR)$(PREFIX)/lib/podrun"
	install -m 644 dist/podrun*.cjs dist/podrun*.cache "$(DESTDIR)$(PREFIX)/lib/podrun/dist"
	install -m 755 $(NATIVE) "$(DESTDIR)$(PREFIX)/lib/podrun/build/Release"
	cp -R rootfs-cache/starter "$(DESTDIR)$(PREFIX)/lib/podrun/rootfs-cache/"
	ln -sf ../lib/podrun/bin/podrun "$(DESTDIR)$(PREFIX)/bin/podrun"

uninstall: ## remove what install has put there
	rm -rf "$(DESTDIR)$(PREFIX)/lib/podrun" "$(DESTDIR)$(PREFIX)/bin/podrun"

clean: ## remove what building has made
	rm -rf build dist .tap rootfs-cache/starter

clean-test: ## remove what interrupted tests have left, on the machine as well
	rm -rf .tap test/.cache /dev/shm/podrun-test-* /tmp/podrun-vm-* /tmp/podrun-test-*
	@# Any command of podrun removes what dead ones have left.
	if [ -e $(BUNDLE) ]; then bin/podrun ps -A; fi

# ---- what the targets above are made of

packages:
	@build-tools/install-packages.sh $(BUILD_PACKAGES)
	@build-tools/install-node.sh

test-packages:
	@build-tools/install-packages.sh $(TEST_PACKAGES)

node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(NATIVE) &: $(NATIVE_SOURCES) node_modules/.package-lock.json
	npm run --silent build:native -- $(NODEDIR)
	@touch $(NATIVE)

# From scratch: a module whose source is gone would stay. With the rest in place the bundler can rehearse: build-tools/code-cache.mjs
$(BUNDLE): $(TS_SOURCES) node_modules/.package-lock.json | $(NATIVE) $(STARTER)
	rm -rf dist
	npm run --silent build:ts
	@touch $@

$(STARTER): rootfs-cache/build.mjs
	node rootfs-cache/build.mjs
	@touch $@
