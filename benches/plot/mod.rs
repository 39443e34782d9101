//! Curves over logarithmic axes, as SVG: no more than `growth` needs.

#![allow(unreachable_pub, reason = "a bench exports nothing")]

use std::fmt::Write as _;

/// One curve of a panel.
pub struct Curve {
    pub name: &'static str,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 300.0;
/// Around the axes of a panel: left for numbers, right, above for the title, below for numbers.
const MARGINS: [f64; 4] = [56.0, 24.0, 36.0, 36.0];
const COLOURS: [&str; 3] = ["#1f5fbf", "#2a8a3a", "#b5471d"];

/// Panels side by side, each with a title and its curves.
pub fn plot(panels: &[(&str, Vec<Curve>)]) -> String {
    let width = WIDTH * panels.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"{width}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    for (place, (title, curves)) in panels.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate({} 0)\">", WIDTH * place as f64);
        panel(&mut svg, title, curves);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, title: &str, curves: &[Curve]) {
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let [left, right, top, bottom] = MARGINS;
    let across = Axis::over(all().map(|point| point.0), left, WIDTH - right);
    let up = Axis::over(all().map(|point| point.1), HEIGHT - bottom, top);
    let _ = writeln!(svg, "<text x=\"{left}\" y=\"20\" font-weight=\"bold\">{title}</text>");
    for number in across.decades() {
        let x = across.place(number);
        let _ = writeln!(svg, "<path d=\"M{x:.1} {top}V{:.1}\" stroke=\"#ddd\"/>", HEIGHT - bottom);
        let _ =
            writeln!(svg, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>", HEIGHT - 16.0, show(number));
    }
    for number in up.decades() {
        let y = up.place(number);
        let _ = writeln!(svg, "<path d=\"M{left} {y:.1}H{:.1}\" stroke=\"#ddd\"/>", WIDTH - right);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 6.0,
            y + 4.0,
            show(number)
        );
    }
    for (place, (curve, colour)) in curves.iter().zip(COLOURS).enumerate() {
        let mut path = String::new();
        for (x, y) in &curve.points {
            let (x, y) = (across.place(*x), up.place(*y));
            let _ = write!(path, "{}{x:.1} {y:.1}", if path.is_empty() { "M" } else { "L" });
            let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{colour}\"/>");
        }
        let _ = writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>");
        let y = top + 14.0 + 15.0 * place as f64;
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{y}\" fill=\"{colour}\">{}</text>", left + 8.0, curve.name);
    }
}

/// Whole decades, from one end of a panel to the other.
struct Axis {
    first: i32,
    last: i32,
    begin: f64,
    end: f64,
}

impl Axis {
    fn over(numbers: impl Iterator<Item = f64> + Clone, begin: f64, end: f64) -> Self {
        let logs = numbers.map(f64::log10);
        let first = logs.clone().fold(f64::INFINITY, f64::min).floor() as i32;
        let last = (logs.fold(f64::NEG_INFINITY, f64::max).ceil() as i32).max(first + 1);
        Self { first, last, begin, end }
    }

    fn place(&self, number: f64) -> f64 {
        let share = (number.log10() - f64::from(self.first)) / f64::from(self.last - self.first);
        self.begin + share * (self.end - self.begin)
    }

    fn decades(&self) -> impl Iterator<Item = f64> {
        (self.first..=self.last).map(|power| 10_f64.powi(power))
    }
}

/// `1,000,000` as `1M`, `10,000` as `10k`.
fn show(number: f64) -> String {
    match number {
        _ if number >= 1e6 => format!("{}M", number / 1e6),
        _ if number >= 1e3 => format!("{}k", number / 1e3),
        _ => format!("{number}"),
    }
}
