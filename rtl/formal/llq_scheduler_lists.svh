// Further properties of llq_scheduler, read inside it when LISTS is defined: nothing is lost.
//
// Of every handle it is kept whether it waits, in which class, with which size, and the how-manieth of
// that class it is (modulo 2^(HANDLE_W + 1), more than ever wait). What goes is the oldest of its class,
// so every handle that is put comes out once, as it was put, or waits still; and as many wait as counted.
localparam int F_HANDLES = 1 << HANDLE_W;
logic [F_HANDLES-1:0] f_in;
logic [F_HANDLES-1:0][CLASS_W-1:0] f_of;
logic [F_HANDLES-1:0][SIZE_W-1:0] f_size;
logic [F_HANDLES-1:0][HANDLE_W:0] f_nth;
logic [CLASSES-1:0][HANDLE_W:0] f_gone;         // of each class

always_comb if (put) assume (!f_in[put_handle]);

always_ff @(posedge clk) begin
    if (does_put) begin
        f_in[put_handle] <= 1'b1;
        f_of[put_handle] <= put_class;
        f_size[put_handle] <= put_size;
        f_nth[put_handle] <= f_gone[put_class] + put_waiting;
    end
    if (take) begin
        f_in[next_handle] <= 1'b0;
        f_gone[next_class] <= f_gone[next_class] + 1'b1;
    end
    if (!f_started) begin
        f_in <= '0;
        f_gone <= '0;
    end
end

always_ff @(posedge clk) if (f_started && take)
    assert (f_in[next_handle] && f_of[next_handle] == next_class
        && f_size[next_handle] == next_size && f_nth[next_handle] == f_gone[next_class]);

// How the lists lie to that: each class's head is its oldest, its tail the newest, a link leads to the
// next. While a head is being replaced, its successor is on its way.
function automatic logic [HANDLE_W:0] f_waiting(input class_t of_class);
    f_waiting = '0;
    for (int h = 0; h < F_HANDLES; h++)
        if (f_in[h] && f_of[h] == of_class) f_waiting = f_waiting + 1'b1;
endfunction

for (genvar c = 0; c < CLASSES; c++) begin : f_list
    wire [HANDLE_W-1:0] head, after, tail;
    wire [SIZE_W-1:0] head_has, after_has;
    assign {head, head_has} = heads[c];
    assign {after, after_has} = link;
    assign tail = tails[c];
    wire replaced = refresh && more && taken_class == c;

    always_ff @(posedge clk) if (f_started) begin
        assert (f_waiting(c) == (some[c] ? counts[c] : '0));
        if (some[c]) begin
            assert (f_in[tail] && f_of[tail] == c && f_nth[tail] == f_gone[c] + counts[c] - 1'b1);
            if (replaced)
                assert (f_in[after] && f_of[after] == c && f_nth[after] == f_gone[c]
                    && f_size[after] == after_has);
            else
                assert (f_in[head] && f_of[head] == c && f_nth[head] == f_gone[c]
                    && f_size[head] == head_has);
        end
    end
end

always_ff @(posedge clk) if (f_started && refresh && !more) assert (!some[taken_class]);

for (genvar h = 0; h < F_HANDLES; h++) begin : f_link
    wire [HANDLE_W:0] before = f_nth[h] - f_gone[f_of[h]];
    wire [HANDLE_W-1:0] next;
    wire [SIZE_W-1:0] next_has;
    assign {next, next_has} = links[h];

    always_ff @(posedge clk) if (f_started && f_in[h]) begin
        assert (some[f_of[h]] && before < counts[f_of[h]]);
        if (before + 1'b1 != counts[f_of[h]])
            assert (f_in[next] && f_of[next] == f_of[h] && f_nth[next] == f_nth[h] + 1'b1
                && f_size[next] == next_has);
        for (int g = 0; g < h; g++)
            if (f_in[g] && f_of[g] == f_of[h]) assert (f_nth[g] != f_nth[h]);
    end
end
