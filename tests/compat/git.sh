#!/bin/bash
# git.sh LIBRARY - a repository with history: made, cloned, repacked, checked and read back
. "$(dirname "$0")/lib.sh"

need git git

export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org
export GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.org
export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
git config --global init.defaultBranch main
git config --global advice.detachedHead false
git config --global gc.auto 0
# Threads although the machine may have one core only.
git config --global pack.threads 4
git config --global grep.threads 4
git config --global index.threads 4

commits=$(scaled 120)
text 4000 3 >"$scratch/text"

# A stream for fast-import: commits that each rewrite twelve of 600 files, on eight branches.
history()
{
	awk -v commits="$commits" '
	function draw(below) {
		state = (state * 16807) % 2147483647
		return int(state / 7) % below
	}
	{ text[NR] = $0 }
	END {
		state = 4
		for (c = 1; c <= commits; c++) {
			branch = c < 9 ? "main" : "branch" draw(8)
			print "commit refs/heads/" branch
			print "committer C <c@example.org> " (1600000000 + c * 60) " +0000"
			print "data <<END\ncommit number " c "\n\n" text[1 + draw(NR)] "\nEND"
			# A branch starts somewhere on main and goes on from its own tip.
			if (branch != "main" && !(branch in started)) {
				print "from refs/heads/main"
				started[branch] = 1
			}
			for (f = 0; f < 12; f++) {
				print "M 100644 inline dir" draw(12) "/file" draw(50) ".txt"
				print "data <<END"
				first = 1 + draw(NR - 120)
				for (l = first; l < first + 100; l++)
					print text[l]
				print "changed by " c "\nEND"
			}
			print ""
		}
	}' "$scratch/text"
}
history >"$scratch/history"

# The packs' own bytes depend on which thread took which delta; what is in them does not.
contents()
{
	git "$@" for-each-ref
	git "$@" cat-file --batch-check --batch-all-objects | sha256sum
	git "$@" fsck --full --strict --no-dangling
}

transport()
{
	git init -q origin
	git -C origin fast-import --quiet <"$scratch/history"
	contents -C origin
	git clone -q --no-local origin clone 2>&1
	contents -C clone
	git clone -q --mirror --no-local origin mirror.git
	git -C mirror.git gc -q --aggressive --prune=now
	contents -C mirror.git
	git -C mirror.git repack -q -a -d -f --depth=10 --window=20 --write-bitmap-index
	git -C mirror.git commit-graph write --reachable
	contents -C mirror.git
	git -C mirror.git bundle create -q "$PWD/bundle" --all
	git -C origin bundle verify -q ../bundle
	git clone -q -b main bundle from-bundle
	git -C from-bundle rev-parse HEAD
	git clone -q --depth 3 --no-single-branch "file://$PWD/origin" shallow
	git -C shallow rev-list --all --count
	rm -rf origin clone mirror.git bundle from-bundle shallow
}

reading()
{
	git init -q --bare origin.git
	git -C origin.git fast-import --quiet <"$scratch/history"
	cd origin.git
	git log -p --stat --all --format=fuller | sha256sum
	git log --graph --oneline --all | sha256sum
	git log -M -C --raw --all --topo-order | sha256sum
	git log -S sheaf12 --all --oneline | sha256sum
	git blame -w -C branch1 -- "$(git ls-tree -r --name-only branch1 | head -n 1)" | sha256sum
	git grep -n -e 'zone.*sheaf' --and --not -e pcp branch2 branch3 | sha256sum
	git diff --patience --word-diff branch1 branch2 | sha256sum
	git diff --histogram branch3...branch4 | sha256sum
	git shortlog -sn --all
	git archive --format=tar branch5 | sha256sum
	git merge-base branch1 branch2
	git rev-list --objects --all | sha256sum
	git format-patch --stdout main..branch6 | sha256sum
	cd ..
	rm -rf origin.git
}

writing()
{
	git init -q origin
	git -C origin fast-import --quiet <"$scratch/history"
	cd origin
	git checkout -q -f branch0
	git merge -q -X ours -m merged branch1 branch2 >/dev/null 2>&1 ||
		{ git reset -q --hard && git merge -q -X ours -m merged branch1; }
	git rev-parse 'HEAD^{tree}'
	for ((i = 0; i < 30; i++)); do
		seq 1 $((i * 100)) >new$i
		git add new$i
		git commit -q -m "add $i"
	done
	git rev-parse HEAD
	seq 1 50 >>new7
	git stash -q
	git checkout -q -b topic HEAD~20
	seq 5 500 >other
	git add other
	git commit -q -m other
	git rebase -q branch0
	git cherry-pick -x HEAD~3 --allow-empty --keep-redundant-commits >/dev/null
	git stash pop -q
	git status --short
	git diff | sha256sum
	git commit -q -a -m popped
	git rev-parse HEAD
	git reset -q --hard HEAD~2
	git clean -q -f -d -x
	git worktree add -q ../tree branch4
	ls ../tree | sha256sum
	contents
	cd ..
	rm -rf origin tree
}

assert_loaded git git hash-object --stdin
alike transport transport
alike reading reading
alike writing writing
