use yiping::screen::app::*; use yiping::geo::*; use yiping::model::view::CameraPose;
fn main(){ tracing_subscriber::fmt().init();
 let o=ScreenOptions{canvas:Canvas::Picture{size:bevy::math::UVec2::new(640,360)},anchor:Geodetic::from_degrees(118.275,33.963,0.0),theme:Default::default(),
 camera:CameraPose{lon:118.275,lat:33.963,height_m:20.0,heading_deg:330.0,pitch_deg:15.0,distance_m:2500.0},output:None,quality:Quality::Lean};
 let app=build(&o).unwrap(); let mut p=Pump::new(app); p.until_ready(3,std::time::Duration::from_secs(20)); p.picture().unwrap().save("/tmp/sky.png").unwrap(); }
