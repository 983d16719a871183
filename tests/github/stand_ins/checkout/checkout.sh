#!/usr/bin/env bash
# What actions/checkout does with a branch or a pull request's head. Without `fetch-depth: 0` there is no history and no tag.
set -euo pipefail
git init --quiet "$PLACE"
cd "$PLACE"
git remote add origin "$ORIGIN"
case "$REF" in
  refs/pull/*) wanted=("+$REF:refs/remotes/${REF#refs/}") ;;
  *) wanted=("+refs/heads/$REF:refs/remotes/origin/$REF") ;;
esac
if [ "$DEPTH" = 0 ]; then
  wanted+=('+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*')
  git fetch --quiet origin "${wanted[@]}"
else
  git fetch --quiet --no-tags --depth "$DEPTH" origin "${wanted[@]}"
fi
case "$REF" in
  refs/pull/*) git checkout --quiet --detach "refs/remotes/${REF#refs/}" ;;
  *) git checkout --quiet -B "$REF" "refs/remotes/origin/$REF" ;;
esac
# A machine whose cache holds what was trained before, so that a test need not train: the tests set WARM_CACHE.
if [ -n "${WARM_CACHE:-}" ] && [[ $REF = refs/pull/* ]]; then
  cp -R "$WARM_CACHE" .dvc/cache
fi
