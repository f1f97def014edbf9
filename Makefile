# make demo    the main job on real data: build a store, open it in a new process, search by meaning
# make test    everything CI runs
# Both install what is missing on Debian and Ubuntu (as root or with sudo); on macOS Xcode's command line tools suffice.
# make release, then make install or make package: the program for machines without Swift

SWIFT ?= swift
# Swift's runtime is linked in, so that programs run where Swift is not installed; on macOS it is part of the system. All targets
# build with the same flags: with other ones SwiftPM would build everything again.
STATIC = $(if $(filter Linux,$(shell uname)),--static-swift-stdlib --disable-local-rpath)
BUILD = $(SWIFT) build -c release $(STATIC)
RELEASE = $(BUILD) --product cairn
# What tests and short campaigns are built with: optimised code that checks its assertions, which takes a fifth of a debug build's time.
CHECKED = -c release --scratch-path .build/checked -Xswiftc -enable-testing -Xswiftc -assert-config -Xswiftc Debug
# Where make install puts things, below DESTDIR when that is given.
PREFIX ?= /usr/local
ZSH_COMPLETIONS ?= $(PREFIX)/share/zsh/site-functions
SHARE = $(DESTDIR)$(PREFIX)/share
DATA ?=
# What make bench-hnswlib compares: both with AVX-512 where the machine has it, or both without.
HNSWLIB = .build/hnswlib
KERNELS =
ifeq ($(AVX512),off)
HNSWLIB = .build/hnswlib-avx2 -mno-avx512f
KERNELS = HNSWLIB_SHIM=.build/hnswlib-avx2/libshim.so CAIRN_KERNELS=avx2
endif
export SWIFT_BACKTRACE = enable=no

.PHONY: demo test lint format check-layers unit test-neon test-asan test-tsan campaigns crash crash-mutants damage kill powercut faults limits \
    fuzz soak costs churn findability search-costs quantization-trials docs docs-serve docs-test interop bench bench-hnswlib bench-convert bench-peers \
    bench-peers-open bench-peers-durable bench-peers-report bench-memory release release-test install uninstall package clean setup

demo:
	@Scripts/setup demo
	$(RELEASE)
	Scripts/demo

test: setup lint test-neon docs-test demo release-test campaigns interop unit

setup:
	@Scripts/setup test

lint: check-layers
	@Scripts/version >/dev/null
	Scripts/check-words
	Scripts/check-links
	Scripts/crash-mutants --check
	Scripts/snippets --check
	$(SWIFT) format lint --strict --recursive --parallel Sources Tests Campaigns Benchmarks/Sources Package.swift

format:
	$(SWIFT) format --in-place --recursive --parallel Sources Tests Campaigns Benchmarks/Sources Package.swift

check-layers:
	Scripts/check-layers

# Warnings are errors here. The skips of the run must be on the list in Tests/allowed-skips.txt.
unit:
	Scripts/run-tests $(CHECKED)

test-neon: setup
	Scripts/test-neon

test-asan:
	Scripts/run-tests --sanitize=address --scratch-path .build/asan

test-tsan:
	Scripts/run-tests --sanitize=thread --scratch-path .build/tsan

# Kills the program COUNT times, at random moments, and checks that all it acknowledged is there. SEED=n: the same commands
# again. Stores are in TMPDIR.
kill:
	$(RELEASE)
	Scripts/kill-test $(or $(COUNT),10000) $(if $(SEED),--seed $(SEED))

# The same with power cuts of a file system on a loop device; ends with 77 where that cannot be had (it needs root).
powercut:
	$(RELEASE)
	Scripts/powercut-test $(or $(COUNT),10000) $(if $(SEED),--seed $(SEED))

# The short forms of the campaigns below, which are part of every test.
campaigns:
	$(RELEASE)
	CI=true $(SWIFT) build --build-tests $(CHECKED)
	Scripts/campaigns .build/checked/release

# The program beside the real hnswlib and chroma-hnswlib from PyPI, on each other's files. [TESTS="-k chroma"]
interop: setup
	$(RELEASE)
	Scripts/interop $(TESTS)

# Distinct states that a crash may leave, each opened and checked: STATES=20000, from SEED=1 on.
crash:
	$(BUILD) --product CrashCampaign
	.build/release/CrashCampaign --states $(or $(STATES),20000) --seed $(or $(SEED),1)

# Proves that `make crash` can fail: it must find each of the faults in Campaigns/CrashMutants/mutants.txt. [MUTANTS="name name"]
crash-mutants:
	Scripts/crash-mutants $(MUTANTS)

# Every system call of a workload, and every request for memory, fails, once and from then on.
faults:
	$(BUILD) --product FaultCampaign
	.build/release/FaultCampaign

# The program where it may have few addresses, short files, few open files, little memory (this as root): some minutes. SHORT=1 is
# the form that every test has.
limits:
	$(RELEASE)
	Scripts/limits-test $(if $(SHORT),,--long) $(if $(SEED),--seed $(SEED))

# Damages stores of every kind in COUNT=2000 ways, and does all that can be done to a store: any bytes give an error or a right
# answer. [SEED=1] [SANITIZE=address]
DAMAGE = $(if $(SANITIZE),$(subst checked,$(SANITIZE),$(CHECKED)) --sanitize=$(SANITIZE),$(CHECKED))
damage:
	$(SWIFT) build $(DAMAGE) --product cairn
	$(SWIFT) build $(DAMAGE) --product DamageCampaign
	ASAN_OPTIONS=detect_leaks=0 .build/$(or $(SANITIZE),checked)/release/DamageCampaign --count $(or $(COUNT),2000) \
	    --seed $(or $(SEED),1) $(if $(SANITIZE),--seconds 120)

# Fuzzes a reader, stores with any codes, or what is done with hnswlib's files: TARGET=log|header|journal|codes|hnswlib|import RUNS=n.
fuzz:
	@test -n "$(TARGET)" || { echo "usage: make fuzz TARGET=log|header|journal|codes|hnswlib|import [RUNS=100000]"; exit 64; }
	Scripts/fuzz $(TARGET) $(or $(RUNS),100000)

# Threads that search, change, read and export one store for MINUTES=10, under ThreadSanitizer.
soak:
	$(SWIFT) build -c release --product Soak --sanitize=thread --scratch-path .build/soak
	TSAN_OPTIONS=halt_on_error=1 .build/soak/release/Soak --minutes $(or $(MINUTES),10)

# What changes cost at several sizes, and what many changes leave; in counts. DATA=folder with base*.npy and queries*.npy.
costs churn:
	$(BUILD) --product ChangeCosts
	.build/release/ChangeCosts $@ --data "$(DATA)" $(if $(SIZES),--sizes $(SIZES)) $(if $(SIZE),--size $(SIZE))

# How many vectors a search for themselves misses after histories of changes, and in new stores: HISTORIES=20, from SEED=1 on.
findability:
	$(BUILD) --product ChangeCosts
	.build/release/ChangeCosts findability --histories $(or $(HISTORIES),20) $(if $(SEED),--seed $(SEED)) $(if $(CODES),--codes $(CODES))

# What searches within a radius and for documents find of what there is, and the distances they compute. DATA=folder
# [SIZE=100000] [METRIC=l2|ip|cosine] [SCALAR=f32|f16|u8|i8] [STORE=a store of these rows]. Fails below 0.95.
search-costs:
	$(BUILD) --product SearchCosts
	.build/release/SearchCosts --data "$(DATA)" $(if $(SIZE),--size $(SIZE)) $(if $(METRIC),--metric $(METRIC)) \
	    $(if $(SCALAR),--scalar $(SCALAR)) $(if $(STORE),--store "$(STORE)")

# What searches by codes lose of the recall of searches without, on 140 kinds of data, in stores that are built and that
# grow. [KINDS=name,name*] [ROWS=20000] [QUERIES=500] [SEED=1] [SHORT=1]. Fails where they lose more than 0.005.
quantization-trials:
	$(BUILD) --product QuantizationTrials
	.build/release/QuantizationTrials $(if $(KINDS),--kinds "$(KINDS)") $(if $(ROWS),--rows $(ROWS)) \
	    $(if $(QUERIES),--queries $(QUERIES)) $(if $(SEED),--seed $(SEED)) $(if $(SHORT),--short)

# The documentation as pages for a web server. BASE=path: the path they will be served under, such as cairn for
# https://OWNER.github.io/cairn; by default they are at the server's root.
DOCS = .build/docs/plugins/Swift-DocC/outputs/Cairn.doccarchive
docs:
	CAIRN_DOCS=1 $(SWIFT) package --scratch-path .build/docs generate-documentation --target Cairn \
	    --warnings-as-errors --transform-for-static-hosting $(if $(BASE),--hosting-base-path "$(BASE)")
	@echo "the pages are in $(DOCS); $(if $(BASE),put them where the server has /$(BASE),look at them with: make docs-serve)"

# Looks at the pages in a real browser, at two widths, and follows their links.
docs-test: setup docs
	Scripts/docs-test $(DOCS) .build/docs

docs-serve:
	@test -d $(DOCS) || { echo "there are no pages yet: run make docs first" >&2; exit 1; }
	@echo "http://127.0.0.1:$(or $(PORT),8000)/documentation/cairn/ (Ctrl-C ends it)"
	@python3 -m http.server --bind 127.0.0.1 --directory $(DOCS) $(or $(PORT),8000)

# Beside hnswlib on the example's 5,000 vectors; about a minute.
bench:
	@$(MAKE) --no-print-directory bench-hnswlib DATA=$(CURDIR)/Examples/debian-packages METRIC=cosine

# Beside hnswlib on DATA=folder [N=rows] [SCALAR=f32|f16|u8|i8] [CODES=none,sq8,sq4] [BATCH=1] [AVX512=off] [ROUNDS=9]
# [PARTS=search,filters,build,inserts,lookups,open,recall]; see Benchmarks/README.md.
bench-hnswlib: setup
	@test -n "$(DATA)" || { echo "usage: make bench-hnswlib DATA=folder [N=rows] [SCALAR=f32|u8] [CODES=none,sq8,sq4] [PARTS=search,filters,build,inserts,open]"; exit 64; }
	@$(RELEASE) >&2
	@cd Benchmarks && ../Scripts/build-hnswlib $(HNSWLIB) >&2 && $(SWIFT) build -c release >&2
	@cd Benchmarks && DATA="$(DATA)" N="$(N)" $(KERNELS) .build/release/BenchHnswlib

# Converting an index of hnswlib to a store and back, beside cp and sync, on DATA=folder [N=rows] [METRIC=l2|cosine] [ROUNDS=5].
bench-convert: setup
	@test -n "$(DATA)" || { echo "usage: make bench-convert DATA=folder [N=rows] [METRIC=l2|cosine] [ROUNDS=5]"; exit 64; }
	@$(RELEASE) >&2
	@Benchmarks/convert.py "$(DATA)" $(if $(N),--rows $(N)) $(if $(METRIC),--metric $(METRIC)) $(if $(ROUNDS),--rounds $(ROUNDS))

# Beside other libraries from PyPI, on DATA=folder [N=rows] [PEERS="hnswlib cairn-f32"] [ROUNDS=5]: recall against QPS; the time to a
# first answer; adds under kill -9. Each writes Benchmarks/.build/peers/results/report.html; bench-peers-report only that.
# CAIRN=program measures that one instead of building it.
bench-peers bench-peers-open bench-peers-durable: setup
	@test -n "$(DATA)" || { echo "usage: make $@ DATA=folder [N=rows] [PEERS=names] [ROUNDS=5]"; exit 64; }
	@$(if $(CAIRN),:,$(RELEASE) >&2)
	@Benchmarks/peers/setup $(PEERS)
	@"$${PEERS_CACHE:-Benchmarks/.build/peers}/venv/bin/python" Benchmarks/peers/bench.py \
	    $(or $(patsubst bench-peers-%,%,$(filter bench-peers-%,$@)),recall) "$(DATA)" $(if $(N),--rows $(N)) \
	    $(if $(PEERS),--peers "$(PEERS)") $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(METRIC),--metric $(METRIC))

# Searches with less memory than the index has bytes (root, memory cgroups v1), on DATA=folder [N=rows] [PEERS="cairn-sq4 diskann-disk"]
# [SHARES=2,4,8] [READ_AHEAD=128,8192].
bench-memory: setup
	@test -n "$(DATA)" || { echo "usage: make $@ DATA=folder [N=rows] [PEERS=names] [SHARES=4,8] [READ_AHEAD=128,8192]"; exit 64; }
	@$(if $(CAIRN),:,$(RELEASE) >&2)
	@Benchmarks/peers/setup $(PEERS)
	@"$${PEERS_CACHE:-Benchmarks/.build/peers}/venv/bin/python" Benchmarks/peers/memory.py "$(DATA)" $(if $(N),--rows $(N)) \
	    $(if $(PEERS),--peers "$(PEERS)") $(if $(SHARES),--shares $(SHARES)) $(if $(READ_AHEAD),--read-ahead $(READ_AHEAD))

bench-peers-report:
	@"$${PEERS_CACHE:-Benchmarks/.build/peers}/venv/bin/python" Benchmarks/peers/bench.py report

# The program, without its symbols and with Swift's runtime in it, manual pages and completions: .build/dist.
release:
	@Scripts/setup demo
	$(RELEASE)
	Scripts/release

# The released program where there is no Swift, make install, make uninstall and make package.
release-test: release
	Scripts/release-test

# What make release made, to PREFIX=/usr/local; without a build, so that root needs no Swift.
install:
	@test -x .build/dist/cairn || { echo "there is nothing to install yet: run make release first" >&2; exit 1; }
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(SHARE)/man/man1" "$(SHARE)/bash-completion/completions" \
	    "$(SHARE)/fish/vendor_completions.d" "$(SHARE)/doc/cairn" "$(DESTDIR)$(ZSH_COMPLETIONS)"
	install -m 755 .build/dist/cairn "$(DESTDIR)$(PREFIX)/bin/cairn"
	install -m 644 .build/dist/man/*.1 "$(SHARE)/man/man1"
	install -m 644 .build/dist/completions/cairn "$(SHARE)/bash-completion/completions"
	install -m 644 .build/dist/completions/cairn.fish "$(SHARE)/fish/vendor_completions.d"
	install -m 644 .build/dist/completions/_cairn "$(DESTDIR)$(ZSH_COMPLETIONS)"
	install -m 644 README.md CHANGELOG.md FORMAT.md LICENSE "$(SHARE)/doc/cairn"

# Takes away what make install of the same release brought.
uninstall:
	rm -f "$(DESTDIR)$(PREFIX)/bin/cairn" $(patsubst .build/dist/man/%,"$(SHARE)/man/man1/%",$(wildcard .build/dist/man/*.1)) \
	    "$(SHARE)/bash-completion/completions/cairn" "$(SHARE)/fish/vendor_completions.d/cairn.fish" "$(DESTDIR)$(ZSH_COMPLETIONS)/_cairn"
	rm -rf "$(SHARE)/doc/cairn"

# A package for apt, in .build/dist. [MAINTAINER="Name <address>"] [SOURCE_DATE_EPOCH=seconds]
package:
	@test -x .build/dist/cairn || { echo "there is nothing to pack yet: run make release first" >&2; exit 1; }
	@Scripts/package

clean:
	rm -rf .build Benchmarks/.build
