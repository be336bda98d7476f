#!/usr/bin/env bash
# Builds the native code into target/native: the only caller of nvcc and g++. Products: README.md beside this file.
#
#   native/build.sh [all|softcuda|cuda|none]   all: softcuda and CUDA; softcuda: without nvcc; cuda: without g++;
#                                              none: nothing
#   SELFSAME_ARCH=90 native/build.sh cuda      for one chip only, without PTX
#
# Incremental by content: a product is built again when the hash of its sources, headers, flags and compiler
# differs from the one noted at its last build. A compiler that is missing is reported and is no failure.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=${1:-all}
jobs=${SELFSAME_JOBS:-$(nproc)}

out=target/native
res=$out/dev/selfsame/cuda
kernels=$res/kernels
host=$res/linux-$(uname -m)
obj=$out/obj
stamps=$out/stamps
ptx=$out/ptx

say() { echo "native: $*"; }
flags() { sed -n "s/^$1  *\([^# ]*\).*/\1/p" native/flags.txt; }
sources() { find "$@" -maxdepth 1 -type f 2>/dev/null | LC_ALL=C sort; }
hash_of() { cat "$@" 2>/dev/null | sha256sum | cut -c1-32; }

case $mode in
  all | softcuda | cuda) ;;
  none) say "left out (none)"; exit 0 ;;
  *) echo "usage: native/build.sh [all|softcuda|cuda|none]" >&2; exit 2 ;;
esac

mkdir -p "$kernels" "$host" "$obj" "$stamps" "$ptx" "$out/log"
mapfile -t cu < <(sources cuda-kernels | grep '\.cu$' || true)
mapfile -t cuh < <(sources cuda-kernels | grep '\.cuh$' || true)
mapfile -t shim < <(find native/softcuda -type f \( -name '*.h' -o -name '*.hpp' -o -name '*.cuh' \) 2>/dev/null | LC_ALL=C sort)
mapfile -t soft < <(sources native/softcuda | grep '\.cpp$' || true)
mapfile -t entry < <(sources native/softcuda/module | grep '\.cpp$' || true)
changed=0

# ---- one job: build PRODUCT by COMMAND, unless its stamp says that KEY is what it was built from ------------------
fresh() { [ -e "$2" ] && [ "$(cat "$stamps/$1" 2>/dev/null)" = "$3" ]; }

compile_host() { # stamp source object key kind
  local t0=$SECONDS include=()
  # shellcheck disable=SC2207
  [ "$5" = kernel ] && include=($(flags kernel) -Icuda-kernels -include softcuda_shim.h -x c++)
  # shellcheck disable=SC2046
  "$CXX" $(flags g++) $(flags "g++-$(uname -m)") -Inative/softcuda -Inative/softcuda/shim "${include[@]}" -c "$2" -o "$3.new"
  mv "$3.new" "$3"
  echo "$4" > "$stamps/$1"
  say "g++  $2 ($((SECONDS - t0)) s)"
}

compile_cuda() { # stem key
  local t0=$SECONDS stem=$1 keep=$out/keep/$1 a gen=()
  for a in $ARCHS; do gen+=("-gencode=arch=compute_$a,code=sm_$a"); done
  for a in $PTXS; do gen+=("-gencode=arch=compute_$a,code=compute_$a"); done
  rm -rf "$keep"; mkdir -p "$keep"
  # shellcheck disable=SC2046
  if ! "$NVCC" $(flags nvcc) "${gen[@]}" -Icuda-kernels -fatbin --keep --keep-dir "$keep" \
      "cuda-kernels/$stem.cu" -o "$keep/out.fatbin" > "$out/log/$stem.txt" 2>&1; then
    cat "$out/log/$stem.txt" >&2
    return 1
  fi
  # nvcc names the PTX by its architecture only where there are several.
  [ ! -e "$keep/$stem.ptx" ] || mv "$keep/$stem.ptx" "$keep/$stem.compute_${ARCHS// /}.ptx"
  for a in $ARCHS; do mv "$keep/$stem.compute_$a.ptx" "$ptx/$stem.compute_$a.ptx"; done
  mv "$keep/out.fatbin" "$kernels/$stem.fatbin"
  rm -rf "$keep"
  echo "$2" > "$stamps/$stem.cuda"
  say "nvcc cuda-kernels/$stem.cu ($((SECONDS - t0)) s)"
}

# Runs the queued jobs (one shell command a line), $jobs at a time; fails if one of them does.
queue=()
run_queue() {
  [ ${#queue[@]} -eq 0 ] && return 0
  changed=1
  printf '%s\n' "${queue[@]}" | xargs -P "$jobs" -d '\n' -n 1 bash -euo pipefail -c 'eval "$0"' || {
    say "FAILED" >&2
    return 1
  }
  queue=()
}
export out res kernels host obj stamps ptx
export -f say flags compile_host compile_cuda

# ---- softcuda ------------------------------------------------------------------------------------------------------
CXX=${CXX:-g++}
export CXX
if [ "$mode" = cuda ]; then
  say "left out: softcuda"
elif [ ${#soft[@]} -eq 0 ]; then
  say "native/softcuda has no sources: the softcuda device is not built"
elif ! command -v "$CXX" > /dev/null; then
  say "NOT BUILT: softcuda. g++ was not found (looked on PATH; \$CXX names another). Install g++ 12 or later."
else
  tool=$("$CXX" --version | head -1)
  base=$({ echo "$tool"; flags g++; flags kernel; flags "g++-$(uname -m)"; cat "${shim[@]}" /dev/null; } | hash_of /dev/stdin)
  lib_objects=() kernel_objects=()
  for s in "${soft[@]}"; do
    n=soft.$(basename "$s" .cpp); lib_objects+=("$obj/$n.o")
    key=$base.$(hash_of "$s")
    fresh "$n" "$obj/$n.o" "$key" || queue+=("compile_host $n $s $obj/$n.o $key library")
  done
  for s in "${entry[@]}"; do
    n=module.$(basename "$s" .cpp); kernel_objects+=("$obj/$n.o")
    key=$base.$(hash_of "$s")
    fresh "$n" "$obj/$n.o" "$key" || queue+=("compile_host $n $s $obj/$n.o $key library")
  done
  headers=$(hash_of "${cuh[@]}" /dev/null)
  for s in "${cu[@]}"; do
    n=kernel.$(basename "$s" .cu); kernel_objects+=("$obj/$n.o")
    key=$base.$headers.$(hash_of "$s")
    fresh "$n" "$obj/$n.o" "$key" || queue+=("compile_host $n $s $obj/$n.o $key kernel")
  done
  # Softcuda's own test: a program, and kernels with mistakes in them. Run by SoftcudaSelfTest.
  test_headers=$(hash_of native/softcuda/test/*.h /dev/null)
  test_objects=() test_kernels=()
  for s in native/softcuda/test/*.cu native/softcuda/test/*.cpp; do
    [ -e "$s" ] || continue
    n=test.$(basename "$s" | tr . _)
    case $s in *.cu) kind=kernel; test_kernels+=("$obj/$n.o") ;; *) kind=library; test_objects+=("$obj/$n.o") ;; esac
    key=$base.$headers.$test_headers.$(hash_of "$s")
    fresh "$n" "$obj/$n.o" "$key" || queue+=("compile_host $n $s $obj/$n.o $key $kind")
  done
  run_queue
  link() { # stamp product objects…: links when an object's stamp is new
    local name=$1 product=$2 key; shift 2
    key=$(cat "${@/#$obj\//$stamps/}" 2> /dev/null | hash_of /dev/stdin)
    fresh "$name" "$product" "$key" && return 0
    "$CXX" -shared -pthread -Wl,-soname,"$(basename "$product")" "$@" -Wl,-z,defs -ldl -o "$product.new"
    mv "$product.new" "$product"
    echo "$key" > "$stamps/$name"
    changed=1
    say "link $product"
  }
  # An object x.o has the stamp x.
  for o in "$obj"/*.o; do n=$(basename "$o" .o); cp "$stamps/$n" "$stamps/$n.o"; done
  link lib "$host/libsoftcuda.so" "${lib_objects[@]}"
  [ ${#cu[@]} -eq 0 ] || link kernels "$host/kernels.softcuda.so" "${kernel_objects[@]}"
  if [ ${#test_objects[@]} -gt 0 ]; then
    mkdir -p "$out/test"
    link test.kernels.so "$out/test/test_kernels.so" "$obj/module.entry.o" "${test_kernels[@]}"
    key=$(cat "${test_objects[@]/#$obj\//$stamps/}" | hash_of /dev/stdin)
    if ! fresh softcuda_test "$out/test/softcuda_test" "$key"; then
      "$CXX" "${test_objects[@]}" -o "$out/test/softcuda_test" -ldl
      echo "$key" > "$stamps/softcuda_test"
    fi
  fi
fi

# ---- CUDA ----------------------------------------------------------------------------------------------------------
find_nvcc() {
  local c
  for c in "${NVCC:-}" "$(command -v nvcc || true)" "${CUDA_HOME:-/nowhere}/bin/nvcc" /usr/local/cuda*/bin/nvcc; do
    [ -n "$c" ] && [ -x "$c" ] && { echo "$c"; return 0; }
  done
  return 1
}
index=$(for s in "${cu[@]}"; do
  sed -n "s/^ *EXPORT_KERNEL(\([A-Za-z0-9_]*\)).*/\1 $(basename "$s" .cu)/p" "$s"
done | LC_ALL=C sort)
if [ "$index" != "$(cat "$kernels/index.txt" 2> /dev/null)" ] || [ ! -e "$kernels/index.txt" ]; then
  printf '%s' "${index:+$index$'\n'}" > "$kernels/index.txt"
  changed=1
fi

NVCC=$(find_nvcc || true)
if [ -n "$NVCC" ]; then
  can=$("$NVCC" --list-gpu-arch)
  ARCHS= PTXS=
  for a in ${SELFSAME_ARCH:-$(flags arch)}; do
    if grep -q "_$a\$" <<< "$can"; then
      ARCHS="$ARCHS $a"
    elif [ -n "${SELFSAME_ARCH:-}" ]; then
      say "$NVCC does not know sm_$a; it knows $(sed 's/.*_/sm_/' <<< "$can" | tr '\n' ' ')" >&2
      exit 1
    else
      say "this nvcc does not know sm_$a: left out"
    fi
  done
  [ -n "${SELFSAME_ARCH:-}" ] || for a in $(flags ptx); do grep -q "_$a\$" <<< "$can" && PTXS="$PTXS $a"; done
fi
export NVCC ARCHS PTXS
stale=()
base=$({ [ -z "$NVCC" ] || "$NVCC" --version; flags nvcc; echo "${SELFSAME_ARCH:-$(flags arch; flags ptx)}"; cat "${cuh[@]}" /dev/null; } | hash_of /dev/stdin)
for s in "${cu[@]}"; do
  stem=$(basename "$s" .cu); key=$base.$(hash_of "$s")
  if ! fresh "$stem.cuda" "$kernels/$stem.fatbin" "$key"; then
    stale+=("$stem"); queue+=("compile_cuda $stem $key")
  fi
done
if [ ${#stale[@]} -gt 0 ] && { [ -z "$NVCC" ] || [ "$mode" = softcuda ]; }; then
  # Never leave a kernel of other sources than these.
  for stem in "${stale[@]}"; do rm -f "$kernels/$stem.fatbin" "$ptx/$stem".*.ptx "$stamps/$stem.cuda"; done
  queue=()
  if [ "$mode" = softcuda ]; then
    say "left out: CUDA kernels (${#stale[@]} files); the cuda devices will say so"
  else
    say "NOT BUILT: CUDA kernels (${#stale[@]} files), so the cuda devices will not be usable. nvcc was not found:"
    say "  looked at \$NVCC, on PATH, in \$CUDA_HOME/bin and /usr/local/cuda*/bin. Install the CUDA toolkit, 12.8 or later."
  fi
fi
run_queue

# Products of kernels that are gone.
for f in "$kernels"/*.fatbin; do
  stem=$(basename "$f" .fatbin)
  if [ -e "$f" ] && [ ! -e "cuda-kernels/$stem.cu" ]; then rm -f "$f" "$ptx/$stem".*.ptx "$out/log/$stem.txt"; changed=1; fi
done
if [ $changed = 1 ]; then
  rm -f "$out/ptxas.tsv"
  [ -z "$(compgen -G "$ptx/*.ptx")" ] || native/ptxas-table --tsv > "$out/ptxas.tsv"
  # Maven copies target/native over target/classes and deletes nothing there.
  rm -rf target/classes/dev/selfsame/cuda/kernels target/classes/dev/selfsame/cuda/linux-*
  say "done in ${SECONDS} s"
fi
