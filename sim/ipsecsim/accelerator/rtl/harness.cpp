// What Python calls of a Verilated accelerator: clock, AXI4-Lite, whole frames in and out.
//
// Compiled together with the model (library.py), whose class is Vaccel; everything is for one thread
// at a time. Frames wait in here until the model takes them, and until they are fetched.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "Vaccel.h"
#include "verilated.h"
#if defined(ACCEL_TRACE_FST)
#include "verilated_fst_c.h"
using Trace = VerilatedFstC;
#elif defined(ACCEL_TRACE_VCD)
#include "verilated_vcd_c.h"
using Trace = VerilatedVcdC;
#endif

namespace {

constexpr std::size_t kBeat = 16;     // octets of a beat
constexpr int kPatience = 100000;     // cycles until an AXI4-Lite access has failed
constexpr int kQuiet = 8;             // idle cycles after which nothing more will come

using Frame = std::vector<std::uint8_t>;

class Accelerator {
   public:
    Accelerator() : context_(new VerilatedContext) {
        context_->traceEverOn(true);
        model_.reset(new Vaccel(context_.get(), "accel"));
        model_->m_axis_tready = 1;
        model_->s_axil_bready = 1;
        model_->s_axil_rready = 1;
        model_->rst = 1;
        model_->clk = 0;
        model_->eval();
    }

    ~Accelerator() {
        trace(nullptr);
        model_->final();
    }

    void reset(int cycles) {
        waiting_.clear();
        done_.clear();
        partial_.clear();
        sent_ = 0;
        quiet_ = 0;
        model_->s_axil_awvalid = 0;
        model_->s_axil_wvalid = 0;
        model_->s_axil_arvalid = 0;
        model_->s_axis_tvalid = 0;
        model_->rst = 1;
        for (int i = 0; i < cycles; ++i) cycle();
        model_->rst = 0;
    }

    bool write(std::uint32_t address, std::uint32_t data) {
        model_->s_axil_awaddr = address;
        model_->s_axil_wdata = data;
        model_->s_axil_awvalid = 1;
        model_->s_axil_wvalid = 1;
        bool taken = false;
        for (int i = 0; i < kPatience; ++i) {
            settle();
            const bool answered = model_->s_axil_bvalid;
            if (model_->s_axil_awready && model_->s_axil_wready) taken = true;
            cycle();
            if (taken) {
                model_->s_axil_awvalid = 0;
                model_->s_axil_wvalid = 0;
            }
            if (answered) return true;
        }
        return false;
    }

    bool read(std::uint32_t address, std::uint32_t* data) {
        model_->s_axil_araddr = address;
        model_->s_axil_arvalid = 1;
        for (int i = 0; i < kPatience; ++i) {
            settle();
            const bool answered = model_->s_axil_rvalid;
            const bool taken = model_->s_axil_arready;
            *data = model_->s_axil_rdata;
            cycle();
            if (taken) model_->s_axil_arvalid = 0;
            if (answered) return true;
        }
        return false;
    }

    void push(const std::uint8_t* octets, std::size_t size) {
        waiting_.emplace_back(octets, octets + size);
        quiet_ = 0;
    }

    // Runs until nothing goes on, or for `limit` cycles. True if nothing goes on.
    bool run(std::uint64_t limit) {
        for (std::uint64_t i = 0; i < limit; ++i) {
            if (quiet_ >= kQuiet) return true;
            cycle();
        }
        return quiet_ >= kQuiet;
    }

    std::size_t next_size() const { return done_.empty() ? 0 : done_.front().size(); }

    void fetch(std::uint8_t* octets) {
        std::memcpy(octets, done_.front().data(), done_.front().size());
        done_.pop_front();
    }

    std::uint64_t cycles() const { return cycles_; }

    // Begin a new waveform file, or end it (nullptr). False if the model was built without.
    bool trace(const char* path) {
#if defined(ACCEL_TRACE_FST) || defined(ACCEL_TRACE_VCD)
        if (trace_) trace_->close();
        trace_.reset();
        if (path != nullptr) {
            trace_.reset(new Trace);
            model_->trace(trace_.get(), 99);
            trace_->open(path);
            if (!trace_->isOpen()) trace_.reset();
        }
        return path == nullptr || trace_;
#else
        return path == nullptr;
#endif
    }

   private:
    // Lets what follows from the inputs show at the outputs, within a cycle.
    void settle() { model_->eval(); }

    // One clock: the inputs are there, ready and valid of this cycle are looked at, and the edge.
    void cycle() {
        drive();
        settle();
        const bool pushed = model_->s_axis_tvalid && model_->s_axis_tready;
        const bool pulled = model_->m_axis_tvalid && model_->m_axis_tready;
        if (pulled) collect();
        const bool busy = pushed || model_->m_axis_tvalid || !model_->idle || !waiting_.empty();
        quiet_ = busy || model_->rst ? 0 : quiet_ + 1;
        model_->clk = 1;
        model_->eval();
        dump(10 * cycles_ + 5);
        model_->clk = 0;
        model_->eval();
        ++cycles_;
        dump(10 * cycles_);
        if (pushed) advance();
    }

    void drive() {
        if (waiting_.empty() || model_->rst) {
            model_->s_axis_tvalid = 0;
            return;
        }
        const Frame& frame = waiting_.front();
        const std::size_t left = frame.size() - sent_;
        const std::size_t here = left < kBeat ? left : kBeat;
        for (std::size_t word = 0; word < kBeat / 4; ++word) {
            std::uint32_t value = 0;
            for (std::size_t octet = 0; octet < 4; ++octet) {
                const std::size_t at = word * 4 + octet;
                if (at < here) value |= std::uint32_t{frame[sent_ + at]} << (8 * octet);
            }
            model_->s_axis_tdata[word] = value;
        }
        model_->s_axis_tkeep = (std::uint32_t{1} << here) - 1;
        model_->s_axis_tlast = left <= kBeat;
        model_->s_axis_tvalid = 1;
    }

    void advance() {
        sent_ += kBeat;
        if (sent_ >= waiting_.front().size()) {
            waiting_.pop_front();
            sent_ = 0;
        }
    }

    void collect() {
        for (std::size_t at = 0; at < kBeat; ++at)
            if (model_->m_axis_tkeep >> at & 1)
                partial_.push_back(model_->m_axis_tdata[at / 4] >> (8 * (at % 4)) & 0xFF);
        if (model_->m_axis_tlast) {
            done_.push_back(partial_);
            partial_.clear();
        }
    }

    void dump(std::uint64_t time) {
#if defined(ACCEL_TRACE_FST) || defined(ACCEL_TRACE_VCD)
        if (trace_) trace_->dump(time);
#else
        (void)time;
#endif
    }

    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Vaccel> model_;
#if defined(ACCEL_TRACE_FST) || defined(ACCEL_TRACE_VCD)
    std::unique_ptr<Trace> trace_;
#endif
    std::deque<Frame> waiting_, done_;
    Frame partial_;
    std::size_t sent_ = 0;
    std::uint64_t cycles_ = 0;
    int quiet_ = 0;
};

}  // namespace

extern "C" {

void* accel_open() { return new Accelerator; }
void accel_close(void* device) { delete static_cast<Accelerator*>(device); }
void accel_reset(void* device, int cycles) { static_cast<Accelerator*>(device)->reset(cycles); }
int accel_write(void* device, std::uint32_t address, std::uint32_t data) {
    return static_cast<Accelerator*>(device)->write(address, data);
}
int accel_read(void* device, std::uint32_t address, std::uint32_t* data) {
    return static_cast<Accelerator*>(device)->read(address, data);
}
void accel_push(void* device, const std::uint8_t* octets, std::size_t size) {
    static_cast<Accelerator*>(device)->push(octets, size);
}
int accel_run(void* device, std::uint64_t limit) {
    return static_cast<Accelerator*>(device)->run(limit);
}
std::size_t accel_next_size(void* device) {
    return static_cast<Accelerator*>(device)->next_size();
}
void accel_fetch(void* device, std::uint8_t* octets) {
    static_cast<Accelerator*>(device)->fetch(octets);
}
std::uint64_t accel_cycles(void* device) { return static_cast<Accelerator*>(device)->cycles(); }
int accel_trace(void* device, const char* path) {
    return static_cast<Accelerator*>(device)->trace(path);
}
}
