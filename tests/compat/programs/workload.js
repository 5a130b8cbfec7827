// workload.js ROUNDS - the main thread and its workers run the same work() and must agree
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const zlib = require('zlib');
const { promisify } = require('util');
const { pipeline } = require('stream/promises');
const { spawnSync } = require('child_process');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');

function generator(state) {
	return (below) => {
		state = (state * 16807) % 2147483647;
		return Math.floor(state / 7) % below;
	};
}

const digest = (data) => crypto.createHash('sha256').update(data).digest('hex').slice(0, 16);

async function work(seed) {
	const draw = generator(seed);
	const out = [];

	const kept = new Array(500).fill(null);
	const sum = crypto.createHash('sha256');
	for (let i = 0; i < 20000; i++) {
		const slot = draw(kept.length);
		if (kept[slot])
			sum.update(kept[slot]);
		// Above 4 KiB a buffer is a block of malloc's own.
		kept[slot] = Buffer.alloc(draw(20) ? draw(9000) : draw(300000), i & 255);
	}
	out.push(`buffers ${sum.digest('hex').slice(0, 16)}`);

	const table = {};
	for (let i = 0; i < 30000; i++)
		table[`key${draw(5000)}`] = {
			i,
			list: Array.from({ length: draw(9) }, () => draw(1000)),
			text: 'é'.repeat(draw(40)),
		};
	const json = JSON.stringify(table);
	const back = JSON.stringify(JSON.parse(json));
	out.push(`json ${json.length} ${back === json} ${digest(json)}`);

	const text = Buffer.from(json);
	const packed = await Promise.all([
		promisify(zlib.gzip)(text, { level: 6 }),
		promisify(zlib.deflateRaw)(text, { level: 9, memLevel: 9 }),
		promisify(zlib.brotliCompress)(text.subarray(0, 400000), {
			params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 },
		}),
	]);
	out.push(`packed ${packed.map(digest)}`);
	out.push(`unpacked ${digest(await promisify(zlib.gunzip)(packed[0]))}`);

	const keys = await Promise.all([1, 2, 3, 4].map((n) =>
		promisify(crypto.scrypt)(`word${n}`, `salt${seed}`, 32, { N: 4096 })));
	out.push(`scrypt ${digest(Buffer.concat(keys))}`);
	const cipher = crypto.createCipheriv('aes-256-ctr', keys[0], Buffer.alloc(16, 7));
	out.push(`cipher ${digest(Buffer.concat([cipher.update(text), cipher.final()]))}`);

	const words = json.match(/[a-z]+\d*/g).map((word) => word.toUpperCase());
	words.sort();
	out.push(`sorted ${words.length} ${digest(words.join(' '))}`);
	const shared = new SharedArrayBuffer(1 << 20);
	new Uint32Array(shared).forEach((_, i, all) => { all[i] = draw(1 << 30); });
	out.push(`shared ${digest(new Uint8Array(shared))}`);
	const typed = new Float64Array(1 << 17).map((_, i) => (i * 7919) % 104729).sort();
	out.push(`typed ${digest(new Uint8Array(typed.buffer))}`);
	return out;
}

async function files() {
	fs.writeFileSync('plain', Buffer.alloc(3 << 20, 'some text that repeats; '));
	const through = (from, change, to) =>
		pipeline(fs.createReadStream(from), change, fs.createWriteStream(to));
	await through('plain', zlib.createGzip(), 'packed');
	await through('packed', zlib.createGunzip(), 'again');
	console.log('files', digest(fs.readFileSync('again')) === digest(fs.readFileSync('plain')));
	const reads = Array.from({ length: 40 }, () => fs.promises.readFile('plain'));
	const all = await Promise.all(reads);
	console.log('reads', all.every((data) => data.equals(all[0])));
	for (const name of ['plain', 'packed', 'again'])
		fs.unlinkSync(name);

	const child = spawnSync(process.execPath, ['-p', '"x".repeat(1e5).length']);
	console.log('child', child.status, child.stdout.toString().trim(), child.stderr.toString());
}

function work_elsewhere(seed) {
	return new Promise((resolve, reject) => {
		const worker = new Worker(__filename, { workerData: seed });
		let said = null;
		worker.on('message', (message) => { said = message; });
		worker.on('error', reject);
		worker.on('exit', (code) => resolve({ code, said }));
	});
}

// Fills memory until it is ended from outside.
const DOOMED = `
	const kept = [];
	for (;;)
		if (kept.push(Buffer.alloc(5000)) > 2000)
			kept.splice(0);
`;

async function main(rounds) {
	for (let round = 1; round <= rounds; round++) {
		const workers = [0, 1, 2, 3].map((n) => work_elsewhere(round * 4 + n));
		const mine = await work(round * 4 + 2);
		const theirs = await Promise.all(workers);
		console.log(mine.join('\n'));
		for (const { code, said } of theirs)
			console.log('worker', code, digest(said.text.join()), digest(said.bytes));
		console.log('agree', theirs[2].said.text.join() === mine.join());

		// A worker that is ended while it works takes its memory with it.
		const doomed = new Worker(DOOMED, { eval: true });
		await new Promise((resolve) => doomed.on('online', resolve));
		console.log('ended', await doomed.terminate());
		await files();
	}
}

if (isMainThread)
	main(Number(process.argv[2]));
else
	work(workerData).then((text) => {
		const bytes = new Uint8Array(1 << 20).fill(workerData);
		// The block changes its owner with the message.
		parentPort.postMessage({ text, bytes }, [bytes.buffer]);
	});
