-- A Lua workload: tables, strings and closures.  The output is the same in every run.

local state = 42
local function below(bound)
	state = (state * 1103515245 + 12345) % 2147483648
	return state // 65536 % bound
end

local function tree(depth)
	if depth == 0 then return {} end
	return {tree(depth - 1), tree(depth - 1)}
end

local function count(node)
	if not node[1] then return 1 end
	return 1 + count(node[1]) + count(node[2])
end

local function words(amount)
	local seen = {}
	for i = 1, amount do
		local word = "word" .. below(5000) .. string.rep("x", below(20))
		seen[word] = (seen[word] or 0) + 1
	end
	local keys = {}
	for key in pairs(seen) do keys[#keys + 1] = key end
	table.sort(keys)
	local parts = {}
	for _, key in ipairs(keys) do parts[#parts + 1] = key .. "=" .. seen[key] end
	return #keys, #table.concat(parts, ",")
end

local function closures(amount)
	local waiting, sum = {}, 0
	for i = 1, amount do
		local held = {i, tostring(i)}
		waiting[#waiting + 1] = function() return held[1] + #held[2] end
		if #waiting > 200 then
			local at = 1 + below(#waiting)
			sum = sum + waiting[at]()
			waiting[at] = waiting[#waiting]
			waiting[#waiting] = nil
		end
	end
	return sum
end

for round = 1, 4 do
	print("tree", count(tree(15)))
	print("words", words(150000))
	print("closures", closures(200000))
end
