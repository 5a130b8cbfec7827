// A Node.js workload: buffers, compression, digests and json.  The output is the same in every run.
'use strict';

const crypto = require('crypto');
const zlib = require('zlib');

let state = 99;
function below(bound) {
	state = (Math.imul(state, 1103515245) + 12345) >>> 0;
	return (state >>> 8) % bound;
}

function buffers(rounds) {
	const live = [];
	let sum = 0;
	for (let i = 0; i < rounds; i++) {
		const buffer = Buffer.alloc(4096 + below(60000), i & 255);
		live.push(buffer);
		if (live.length > 100) {
			const gone = live.splice(below(live.length), 1)[0];
			sum = (sum + gone[gone.length - 1] + gone.length) >>> 0;
		}
	}
	return sum;
}

function records(amount) {
	const list = [];
	for (let i = 0; i < amount; i++)
		list.push({id: i, name: 'user-' + below(100000), tags: Array.from({length: below(6)}, () => 't' + below(99))});
	return list;
}

function through(text) {
	const packed = zlib.deflateSync(text, {level: 4});
	return zlib.inflateSync(packed).toString();
}

async function helpers(text) {
	const parts = [];
	for (let i = 0; i < 8; i++)
		parts.push(new Promise((done, fail) => zlib.gzip(text.slice(i * 1000), {level: 3},
			(error, data) => error ? fail(error) : done(data.length))));
	return (await Promise.all(parts)).reduce((a, b) => a + b, 0);
}

(async () => {
	const digest = crypto.createHash('sha256');
	for (let round = 0; round < 3; round++) {
		const text = JSON.stringify(records(12000));
		digest.update(through(text));
		digest.update(JSON.stringify(JSON.parse(text).reverse()));
		console.log('buffers', buffers(8000), 'helpers', await helpers(text));
	}
	console.log('digest', digest.digest('hex'));
})();
