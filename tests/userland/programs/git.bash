#!/bin/bash
# git: many processes over one repository; clones by hard links and by upload-pack, rebase, gc, worktree, hooks, bisect, pagers.
exec 2>&1
set -e
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@b GIT_AUTHOR_DATE='2020-01-01 00:00:00 +0000' GIT_COMMITTER_DATE='2020-01-01 00:00:00 +0000' GIT_CONFIG_GLOBAL=/dev/null GIT_PAGER=cat
git init -q -b main r && cd r
for i in 1 2 3 4 5; do echo "line $i" >> f; echo $i > g$i; git add .; git commit -q -m "commit $i"; done
git log --oneline
git log -p -2
git blame f
git checkout -q -b side HEAD~2
echo side > s; git add s; git commit -qm side; echo side2 >> s; git commit -qam side2
git rebase -q main
git log --oneline --graph
git gc -q
git fsck
git worktree add -q ../wt main
git worktree list | sed 's,/.*/,,'
cd ..
git clone -q r hard
stat -c %h hard/.git/objects/pack/*.pack
git clone -q "file://$PWD/r" net
git -C net log --oneline | wc -l
cd r
cat > .git/hooks/pre-commit <<'X'
#!/bin/sh
echo hook runs; test ! -e bad
X
chmod +x .git/hooks/pre-commit
echo x > x; git add x; git commit -qm x
touch bad; git add bad; git commit -qm bad || echo refused $?
rm bad; git rm -q --cached bad
git bisect start HEAD HEAD~6
git bisect run sh -c '! grep -q "line 4" f'
git bisect reset
git stash list; git diff HEAD~1 --stat
git -c core.pager='sed s/^/P:/' -p log -1
git -c core.pager='sed s/^/P:/' --paginate log -1 --oneline
