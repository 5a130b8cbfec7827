-- workload.lua ROUNDS
local rounds = tonumber(arg[1])
local state = 1

local function draw(below)
	state = state * 16807 % 2147483647
	return state // 7 % below
end

local function digest(text)
	local sum = 0
	for i = 1, #text, 7 do
		sum = (sum * 31 + text:byte(i)) % 4294967291
	end
	return sum
end

local function tree(depth)
	if depth == 0 then
		return {}
	end
	return { left = tree(depth - 1), right = tree(depth - 1), [1] = depth }
end

local function weigh(node)
	return node.left and 1 + weigh(node.left) + weigh(node.right) or 1
end

local function work()
	print("trees", weigh(tree(16)))

	local kept, sum = {}, 0
	for i = 1, 300000 do
		local slot = draw(5000) + 1
		kept[slot] = { i, tostring(i) .. ("x"):rep(draw(60)), draw(2) == 0 and { slot } }
	end
	for slot = 1, 5000 do
		sum = sum + (kept[slot] and #kept[slot][2] or 0)
	end
	print("tables", sum)

	local words = {}
	for i = 1, 40000 do
		local letters = {}
		for n = 1, 3 + draw(8) do
			letters[n] = string.char(97 + draw(26))
		end
		words[i] = table.concat(letters)
	end
	table.sort(words)
	local text = table.concat(words, " ")
	print("sorted", digest(text), #text)
	local count = {}
	for word in text:gmatch("%a+") do
		local head = word:sub(1, 2)
		count[head] = (count[head] or 0) + 1
	end
	print("counted", count.aa, count.qz, count.zy)
	print("replaced", digest((text:gsub("([aeiou])(%a)", "%2%1%1"))))
	print("packed", digest(string.pack("s4zi8d", text, "zero", 1 << 40, 0.1)))

	local grown = ""
	for i = 1, 3000 do
		grown = grown .. words[draw(#words) + 1]
	end
	print("grown", #grown, digest(grown))

	local producers = {}
	for n = 1, 500 do
		producers[n] = coroutine.wrap(function()
			local pieces = {}
			for i = 1, 100 do
				pieces[#pieces + 1] = i * n
				coroutine.yield(#pieces)
			end
			return table.concat(pieces, ","):len()
		end)
	end
	sum = 0
	for _ = 1, 101 do
		for n = 1, 500 do
			sum = sum + producers[n]()
		end
	end
	print("coroutines", sum)

	local dead = 0
	for i = 1, 20000 do
		setmetatable({ ("y"):rep(i % 500) }, { __gc = function() dead = dead + 1 end })
	end
	collectgarbage()
	collectgarbage()
	print("finalised", dead)

	local matrix = {}
	for i = 1, 200 do
		matrix[i] = {}
		for j = 1, 200 do
			matrix[i][j] = (i * j) % 17
		end
	end
	local product = 0
	for i = 1, 200 do
		for j = 1, 200 do
			product = product + matrix[i][j] * matrix[j][i]
		end
	end
	print("matrix", product)

	local chunks = 0
	for i = 1, 2000 do
		chunks = chunks + load(("local a = {%s} return #a"):format(("1,"):rep(i % 90)))()
	end
	print("compiled", chunks)
	print("caught", pcall(error, ("long message "):rep(100)))
end

for _ = 1, rounds do
	collectgarbage("incremental")
	work()
	collectgarbage("generational")
	work()
end
os.exit(true, true)
