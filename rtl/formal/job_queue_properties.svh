// Properties of job_queue, read inside it when FORMAL is defined. Its callers never put into a full queue
// and never get from an empty one.
logic f_started = 1'b0;
always_ff @(posedge clk) f_started <= 1'b1;
always_comb assume (rst == !f_started);

// Words are numbered as they come in and as they go out (modulo 2^8, more than are ever inside). One
// number is chosen freely: the word that goes out under it is the one that came in under it.
(* anyconst *) logic [7:0] f_number;
logic [7:0] f_in = '0;
logic [7:0] f_out = '0;
wire [7:0] f_inside = f_in - f_out;
wire [7:0] f_place = f_number - f_out;          // 0: the next to go out
wire f_front = FRONT != 0 && valid;             // the oldest one has left the memory
wire [AT_W-1:0] f_at = read[AT_W-1:0] + f_place[AT_W-1:0] - AT_W'(f_front);
logic [WIDTH-1:0] f_word;

always_comb if (f_started) begin
    assume (!put || f_inside != 8'(DEPTH));
    assume (!get || valid);
end

always_ff @(posedge clk) if (f_started) begin
    if (put) f_in <= f_in + 1'b1;
    if (put && f_in == f_number) f_word <= put_data;
    if (get) f_out <= f_out + 1'b1;
end

always_ff @(posedge clk) if (f_started) begin
    assert (some == (written != read));
    assert (full == (level == (AT_W + 1)'(DEPTH)));
    assert (f_inside == 8'(level) + 8'(f_front));
    assert (f_inside <= 8'(DEPTH));
    if (f_place < f_inside && !(f_front && f_place == 0)) assert (memory[f_at] == f_word);
    // What is inside is offered, with FRONT a cycle later, and what is offered is the oldest word.
    if (FRONT == 0 && f_inside != 0) assert (valid);
    if (FRONT != 0 && $past(f_started) && $past(some)) assert (valid);
    if (valid && f_place == 0) assert (data == (f_inside != 0 ? f_word : put_data));
    if (valid && f_inside == 0) assert (THROUGH != 0 && put);
end
